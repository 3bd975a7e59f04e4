import Imaging

/// The fast form: one thread, blocks of 8 x 8 in registers.
extension JPEGSimulation {
  func callAsFunction(_ picture: FloatImage, quality: Double) -> FloatImage {
    precondition(picture.channels == 3, "an RGB picture")
    let (height, width) = (picture.height, picture.width)
    let (h, w) = ((height + 15) / 16 * 16, (width + 15) / 16 * 16)
    let scale = Float(Self.tableScale(quality))
    let scratch = UnsafeMutablePointer<Float>.allocate(capacity: h * w * 3 / 2)
    defer { scratch.deallocate() }
    let (luma, cb, cr) = (scratch, scratch + h * w, scratch + h * w * 5 / 4)
    picture.values.withUnsafeBufferPointer { values in
      Self.split(values.baseAddress!, height, width, luma, cb, cr, h, w)
    }
    code(luma, h, w, Self.luma.map { $0 * scale })
    code(cb, h / 2, w / 2, Self.chroma.map { $0 * scale })
    code(cr, h / 2, w / 2, Self.chroma.map { $0 * scale })
    return FloatImage(width: width, height: height, channels: 3) { output in
      Self.join(luma, cb, cr, w, output, height, width)
    }
  }

  /// RGB planes in [0, 1] to Y `[h, w]` and the 2 x 2 means of Cb and Cr, black beyond the picture.
  /// All are centred at 0: Y − 128, chroma without its offset of 128.
  private static func split(
    _ rgb: UnsafePointer<Float>, _ height: Int, _ width: Int, _ luma: UnsafeMutablePointer<Float>,
    _ cb: UnsafeMutablePointer<Float>, _ cr: UnsafeMutablePointer<Float>, _ h: Int, _ w: Int
  ) {
    let area = height * width
    let blue = UnsafeMutablePointer<Float>.allocate(capacity: 4 * w)
    defer { blue.deallocate() }
    let red = blue + 2 * w
    for y in 0..<h {
      let (line, row) = (luma + y * w, y % 2 * w)
      if y < height {
        let source = rgb + y * width
        for x in 0..<width {
          let (r, g, b) = (source[x] * 255, source[area + x] * 255, source[2 * area + x] * 255)
          line[x] = 0.299 * r + 0.587 * g + 0.114 * b - 128
          blue[row + x] = -0.168736 * r - 0.331264 * g + 0.5 * b
          red[row + x] = 0.5 * r - 0.418688 * g - 0.081312 * b
        }
      }
      for x in (y < height ? width : 0)..<w {
        line[x] = -128
        blue[row + x] = 0
        red[row + x] = 0
      }
      if y % 2 == 1 {
        let target = y / 2 * (w / 2)
        for x in 0..<(w / 2) {
          let (a, b, c, d) = (2 * x, 2 * x + 1, w + 2 * x, w + 2 * x + 1)
          cb[target + x] = (blue[a] + blue[b] + blue[c] + blue[d]) * 0.25
          cr[target + x] = (red[a] + red[b] + red[c] + red[d]) * 0.25
        }
      }
    }
  }

  /// The inverse of `split`; each chroma value serves four pixels. Clamps to [0, 1].
  private static func join(
    _ luma: UnsafePointer<Float>, _ cb: UnsafePointer<Float>, _ cr: UnsafePointer<Float>, _ w: Int,
    _ rgb: UnsafeMutablePointer<Float>, _ height: Int, _ width: Int
  ) {
    let area = height * width
    let wide = UnsafeMutablePointer<Float>.allocate(capacity: 2 * w)
    defer { wide.deallocate() }
    for y in 0..<height {
      if y % 2 == 0 {
        let row = y / 2 * (w / 2)
        for x in 0..<(w / 2) {
          wide[2 * x] = cb[row + x]
          wide[2 * x + 1] = cb[row + x]
          wide[w + 2 * x] = cr[row + x]
          wide[w + 2 * x + 1] = cr[row + x]
        }
      }
      let (line, target) = (luma + y * w, rgb + y * width)
      for x in 0..<width {
        let (l, b, r) = (line[x] + 128, wide[x], wide[w + x])
        target[x] = min(max(l + 1.402 * r, 0), 255) / 255
        target[area + x] = min(max(l - 0.344136 * b - 0.714136 * r, 0), 255) / 255
        target[2 * area + x] = min(max(l + 1.772 * b, 0), 255) / 255
      }
    }
  }

  /// Transforms, quantises and restores every block of a plane in place.
  private func code(_ plane: UnsafeMutablePointer<Float>, _ h: Int, _ w: Int, _ table: [Float]) {
    typealias Line = SIMD8<Float>
    withUnsafeTemporaryAllocation(of: Line.self, capacity: 56) { memory in
      // D by rows and by columns, the table, and two work areas, eight lines each.
      let (rows, columns, steps) = (
        memory.baseAddress!, memory.baseAddress! + 8, memory.baseAddress! + 16
      )
      let (x, t) = (memory.baseAddress! + 24, memory.baseAddress! + 32)
      let cubic: Bool
      if case .cubic = rounding { cubic = true } else { cubic = false }
      for u in 0..<8 {
        for v in 0..<8 {
          rows[u][v] = Self.cosines[u * 8 + v]
          columns[u][v] = Self.cosines[v * 8 + u]
          steps[u][v] = table[u * 8 + v]
        }
      }
      for by in stride(from: 0, to: h, by: 8) {
        for bx in stride(from: 0, to: w, by: 8) {
          let block = UnsafeMutableRawPointer(plane + by * w + bx)
          for y in 0..<8 {
            x[y] = block.loadUnaligned(fromByteOffset: y * w * 4, as: Line.self)
          }
          Self.multiply(rows, x, into: t)  // D X
          Self.multiply(t, columns, into: x)  // (D X) Dᵀ
          for u in 0..<8 {
            let c = x[u] / steps[u]
            let nearest = roundHalfToEven(c)
            let rest = c - nearest
            x[u] = (cubic ? nearest + rest * rest * rest : nearest) * steps[u]
          }
          Self.multiply(columns, x, into: t)  // Dᵀ C
          Self.multiply(t, rows, into: x)  // (Dᵀ C) D
          for y in 0..<8 {
            block.storeBytes(of: x[y], toByteOffset: y * w * 4, as: Line.self)
          }
        }
      }
    }
  }

  /// The product of two 8 x 8 matrices given by rows.
  @inline(__always)
  private static func multiply(
    _ a: UnsafePointer<SIMD8<Float>>, _ b: UnsafePointer<SIMD8<Float>>,
    into c: UnsafeMutablePointer<SIMD8<Float>>
  ) {
    for i in 0..<8 {
      let line = a[i]
      var sum = b[0] * line[0]
      for k in 1..<8 { sum += b[k] * line[k] }
      c[i] = sum
    }
  }
}
