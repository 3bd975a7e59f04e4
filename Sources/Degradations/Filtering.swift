import Torch

/// Correlation with a kernel, borders reflected:
/// y(i, j) = Σ k(a, b) x(i + a − r, j + b − r).
///
/// # Shapes
/// x `[B, C, H, W]` → `[B, C, H, W]`. The form for autograd and the reference of the fast one.
public func filter2D(_ x: Tensor, _ kernel: BlurKernel) -> Tensor {
  let (channels, radius) = (x.size(1), kernel.size / 2)
  let weight = Tensor(kernel.values, shape: [1, 1, kernel.size, kernel.size]).to(x.dtype).to(x.device)
    .repeated([channels, 1, 1, 1])
  return x.padded([radius, radius, radius, radius], .reflect).conv2d(weight, groups: channels)
}

extension Planes {
  /// Weights below this leave less than a thousandth of an 8-bit level in sum and are skipped.
  private static let negligible = 1e-8
  /// Columns computed at once.
  private static let block = 32

  func filtered(_ kernel: BlurKernel) -> Planes {
    if let line = kernel.factor { return filtered(line: line.map { Float($0) }) }
    var rows: [(y: Int, x: Int, weights: [Float])] = []
    for y in 0..<kernel.size {
      let row = kernel.values[(y * kernel.size)..<((y + 1) * kernel.size)]
      guard let first = row.firstIndex(where: { abs($0) > Self.negligible }),
        let last = row.lastIndex(where: { abs($0) > Self.negligible })
      else { continue }
      rows.append((y, first - row.startIndex, row[first...last].map { Float($0) }))
    }
    return Planes(channels: channels, height: height, width: width) { output in
      withPadded(kernel.size / 2, kernel.size / 2) { plane, padded, stride in
        let output = output + plane * height * width
        for y in 0..<height {
          correlate(
            output + y * width, rows.map { (padded + (y + $0.y) * stride + $0.x, $0.weights) })
        }
      }
    }
  }

  /// Correlation with v vᵀ for a line v of odd length: rows, then columns.
  func filtered(line: [Float]) -> Planes {
    let first = line.firstIndex { abs($0) > Float(Self.negligible) } ?? 0
    let last = line.lastIndex { abs($0) > Float(Self.negligible) } ?? 0
    let taps = Array(line[first...last])
    let radius = line.count / 2
    let rows = Planes(channels: channels, height: height, width: width) { output in
      withPadded(radius, 0) { plane, padded, stride in
        for y in 0..<height {
          correlate(output + (plane * height + y) * width, [(padded + y * stride + first, taps)])
        }
      }
    }
    return Planes(channels: channels, height: height, width: width) { output in
      rows.withPadded(0, radius) { plane, padded, stride in
        for y in 0..<height {
          let inputs = taps.indices.map { (padded + (y + first + $0) * stride, [taps[$0]]) }
          correlate(output + (plane * height + y) * width, inputs)
        }
      }
    }
  }

  /// output[x] = Σ over rows Σ over k of weights[k] · row[x + k], for x in 0 ..< width. Rows may be read up to
  /// `block` − 1 elements beyond.
  private func correlate(
    _ output: UnsafeMutablePointer<Float>, _ rows: [(UnsafePointer<Float>, [Float])]
  ) {
    var x = 0
    while x < width {
      var (a, b) = (SIMD16<Float>.zero, SIMD16<Float>.zero)
      for (row, weights) in rows {
        var source = UnsafeRawPointer(row + x)
        weights.withUnsafeBufferPointer { weights in
          for weight in weights {
            a += source.loadUnaligned(as: SIMD16<Float>.self) * weight
            b += source.loadUnaligned(fromByteOffset: 64, as: SIMD16<Float>.self) * weight
            source += 4
          }
        }
      }
      let target = UnsafeMutableRawPointer(output + x)
      if x + Self.block <= width {
        target.storeBytes(of: a, as: SIMD16<Float>.self)
        target.storeBytes(of: b, toByteOffset: 64, as: SIMD16<Float>.self)
      } else {
        for i in 0..<(width - x) { output[x + i] = i < 16 ? a[i] : b[i - 16] }
      }
      x += Self.block
    }
  }

  /// Calls `body` with each plane's copy that has a reflected border of `columns` left and right and `rows`
  /// above and below, and room for a block at the end of each row.
  private func withPadded(
    _ columns: Int, _ rows: Int, _ body: (Int, UnsafePointer<Float>, Int) -> Void
  ) {
    let stride = width + 2 * columns + Self.block
    let count = (height + 2 * rows) * stride
    let padded = UnsafeMutablePointer<Float>.allocate(capacity: count)
    defer { padded.deallocate() }
    values.withUnsafeBufferPointer { values in
      for plane in 0..<channels {
        let source = values.baseAddress! + plane * height * width
        for y in 0..<height {
          let row = padded + (y + rows) * stride
          let input = source + y * width
          (row + columns).update(from: input, count: width)
          for x in 0..<columns {
            row[x] = input[reflected(x - columns, width)]
            row[columns + width + x] = input[reflected(width + x, width)]
          }
          (row + width + 2 * columns).update(repeating: 0, count: Self.block)
        }
        for y in 0..<rows {
          (padded + y * stride)
            .update(from: padded + (rows + reflected(y - rows, height)) * stride, count: stride)
          (padded + (rows + height + y) * stride)
            .update(from: padded + (rows + reflected(height + y, height)) * stride, count: stride)
        }
        body(plane, padded, stride)
      }
    }
  }
}
