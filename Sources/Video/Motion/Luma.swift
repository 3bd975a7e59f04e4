import Imaging

/// The luma of a frame, by which motion is estimated: 0.299 R + 0.587 G + 0.114 B in 0...1.
struct Luma: Equatable {
  let width, height: Int
  var values: [Float]

  init(width: Int, height: Int, values: [Float]) {
    precondition(values.count == width * height && !values.isEmpty, "no picture")
    self.width = width
    self.height = height
    self.values = values
  }

  init(_ rgb: FloatImage) {
    precondition(rgb.channels == 3, "RGB, not \(rgb.channels) channels")
    let area = rgb.width * rgb.height
    self.init(
      width: rgb.width, height: rgb.height,
      values: rgb.values.withUnsafeBufferPointer { v in
        (0..<area).map { 0.299 * v[$0] + 0.587 * v[area + $0] + 0.114 * v[2 * area + $0] }
      })
  }

  subscript(y: Int, x: Int) -> Float { values[y * width + x] }

  /// Means over squares of `side` pixels; those at the border over the pixels they contain.
  func averaged(_ side: Int) -> Luma {
    let (w, h) = ((width + side - 1) / side, (height + side - 1) / side)
    var sums = [Float](repeating: 0, count: w * h)
    var counts = sums
    for y in 0..<height {
      for x in 0..<width {
        let cell = y / side * w + x / side
        sums[cell] += values[y * width + x]
        counts[cell] += 1
      }
    }
    for i in sums.indices { sums[i] /= counts[i] }
    return Luma(width: w, height: h, values: sums)
  }

  /// Means over 3x3 pixels; the border is repeated outwards.
  func smoothed() -> Luma {
    Luma(width: width, height: height, values: meansOfNine(values, width, height))
  }

  /// The luma padded on every side by `margin` repetitions of the border.
  func padded(_ margin: Int) -> Luma {
    let (w, h) = (width + 2 * margin, height + 2 * margin)
    var out = [Float](repeating: 0, count: w * h)
    for y in 0..<h {
      let row = min(max(y - margin, 0), height - 1) * width
      for x in 0..<w { out[y * w + x] = values[row + min(max(x - margin, 0), width - 1)] }
    }
    return Luma(width: w, height: h, values: out)
  }
}

extension Luma {
  /// The Catmull-Rom weights of four consecutive samples for a position a number of quarters of the
  /// way from the second to the third.
  static let cubic: [SIMD4<Float>] = (0..<4).map { quarter in
    let t = Float(quarter) / 4
    return SIMD4(
      ((-0.5 * t + 1) * t - 0.5) * t, (1.5 * t - 2.5) * t * t + 1, ((-1.5 * t + 2) * t + 0.5) * t,
      (0.5 * t - 0.5) * t * t)
  }

  /// The luma shifted by quarters of a pixel down and to the right.
  func shifted(quarters y: Int, _ x: Int) -> Luma {
    var field = MotionField(width: width, height: height, side: max(width, height))
    field.vectors[0] = SIMD2(y, x)
    return Luma(
      width: width, height: height, values: field.moved(values, width: width, height: height))
  }
}

/// Means over 3x3 values of a plane; the border is repeated outwards.
func meansOfNine(_ values: [Float], _ width: Int, _ height: Int) -> [Float] {
  var rows = [Float](repeating: 0, count: values.count)
  var out = rows
  values.withUnsafeBufferPointer { from in
    rows.withUnsafeMutableBufferPointer { rows in
      out.withUnsafeMutableBufferPointer { out in
        for y in 0..<height {
          let row = y * width
          for x in 0..<width {
            rows[row + x] =
              from[row + max(x - 1, 0)] + from[row + x] + from[row + min(x + 1, width - 1)]
          }
        }
        for y in 0..<height {
          let (above, below) = (max(y - 1, 0) * width, min(y + 1, height - 1) * width)
          for x in 0..<width {
            out[y * width + x] = (rows[above + x] + rows[y * width + x] + rows[below + x]) / 9
          }
        }
      }
    }
  }
  return out
}
