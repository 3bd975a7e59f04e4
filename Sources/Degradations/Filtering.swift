import Imaging
import Torch

/// Correlation with a kernel, borders reflected:
/// y(i, j) = Σ k(a, b) x(i + a − r, j + b − r).
///
/// # Shapes
/// x `[B, C, H, W]` → `[B, C, H, W]`. This form supports autograd and is the reference of the fast
/// one.
public func filter2D(_ x: Tensor, _ kernel: BlurKernel) -> Tensor {
  let (channels, radius) = (x.size(1), kernel.size / 2)
  let weight = Tensor(kernel.values, shape: [1, 1, kernel.size, kernel.size]).to(x.dtype).to(
    x.device
  )
  .repeated([channels, 1, 1, 1])
  return x.padded([radius, radius, radius, radius], .reflect).conv2d(weight, groups: channels)
}

/// The sparse form of a filter: the output is Σ weight · input[offset].
private struct Taps {
  var offsets: [Int] = []
  var weights: [Float] = []

  /// Skipped weights sum to less than a thousandth of an 8-bit level.
  mutating func append(_ weight: Double, at offset: Int) {
    guard abs(weight) > 1e-8 else { return }
    offsets.append(offset)
    weights.append(Float(weight))
  }
}

extension FloatImage {
  /// The number of columns computed at once: eight 128-bit accumulators, or fewer wider ones.
  private static let block = 32

  func filtered(_ kernel: BlurKernel) -> FloatImage {
    if let line = kernel.factor { return filtered(line: line) }
    return correlated(rows: kernel.size / 2, columns: kernel.size / 2) { taps, stride in
      for y in 0..<kernel.size {
        for x in 0..<kernel.size {
          taps.append(kernel.values[y * kernel.size + x], at: y * stride + x)
        }
      }
    }
  }

  /// Correlation with v vᵀ for a line v of odd length: rows, then columns.
  func filtered(line: [Double]) -> FloatImage {
    let radius = line.count / 2
    let rows = correlated(rows: 0, columns: radius) { taps, _ in
      for (x, weight) in line.enumerated() { taps.append(weight, at: x) }
    }
    return rows.correlated(rows: radius, columns: 0) { taps, stride in
      for (y, weight) in line.enumerated() { taps.append(weight, at: y * stride) }
    }
  }

  /// Correlation with a window that extends `rows` and `columns` beyond its centre; `list` appends
  /// its taps, as offsets from the window's first element in a picture of the given stride.
  private func correlated(
    rows: Int, columns: Int, _ list: (inout Taps, Int) -> Void
  ) -> FloatImage {
    let stride = width + 2 * columns + Self.block
    var taps = Taps()
    list(&taps, stride)
    return FloatImage(width: width, height: height, channels: channels) { output in
      withPadded(columns, rows, stride) { plane, padded in
        taps.offsets.withUnsafeBufferPointer { offsets in
          taps.weights.withUnsafeBufferPointer { weights in
            for y in 0..<height {
              correlate(
                padded + y * stride, offsets, weights, output + (plane * height + y) * width)
            }
          }
        }
      }
    }
  }

  /// Computes one row of output. Reads up to `block` − 1 elements beyond the inputs.
  private func correlate(
    _ input: UnsafePointer<Float>, _ offsets: UnsafeBufferPointer<Int>,
    _ weights: UnsafeBufferPointer<Float>, _ output: UnsafeMutablePointer<Float>
  ) {
    typealias Vector = SIMD16<Float>
    for x in Swift.stride(from: 0, to: width, by: Self.block) {
      var (a, b) = (Vector.zero, Vector.zero)
      for k in 0..<offsets.count {
        let source = UnsafeRawPointer(input + x + offsets[k])
        let weight = weights[k]
        a += source.loadUnaligned(as: Vector.self) * weight
        b += source.loadUnaligned(fromByteOffset: 64, as: Vector.self) * weight
      }
      let target = UnsafeMutableRawPointer(output + x)
      if x + Self.block <= width {
        target.storeBytes(of: a, as: Vector.self)
        target.storeBytes(of: b, toByteOffset: 64, as: Vector.self)
      } else {
        for i in 0..<(width - x) { output[x + i] = i < 16 ? a[i] : b[i - 16] }
      }
    }
  }

  /// Calls `body` with a copy of each plane that has a reflected border of `columns` left and right
  /// and `rows` above and below, and a spare block at the end of each row.
  private func withPadded(
    _ columns: Int, _ rows: Int, _ stride: Int, _ body: (Int, UnsafePointer<Float>) -> Void
  ) {
    let padded = UnsafeMutablePointer<Float>.allocate(capacity: (height + 2 * rows) * stride)
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
        body(plane, padded)
      }
    }
  }
}

/// The index that a reflected border reads: −1 → 1, n → n − 2; repeated for borders wider than the
/// picture.
@inline(__always)
func reflected(_ index: Int, _ count: Int) -> Int {
  if count == 1 { return 0 }
  var index = index
  while index < 0 || index >= count {
    index = index < 0 ? -index : 2 * (count - 1) - index
  }
  return index
}
