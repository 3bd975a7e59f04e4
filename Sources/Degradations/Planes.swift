import Torch

/// A picture as planes of Float, `[channels, height, width]`: what the fast stages work on. They
/// run in the calling thread alone and use no tensors, so that a data loader's threads leave
/// libtorch's pool to training.
struct Planes {
  let channels, height, width: Int
  var values: [Float]

  init(channels: Int, height: Int, width: Int, values: [Float]) {
    precondition(
      values.count == channels * height * width,
      "\(values.count) values for \(channels) planes of \(height) x \(width)")
    (self.channels, self.height, self.width, self.values) = (channels, height, width, values)
  }

  /// Planes that `body` writes completely.
  init(
    channels: Int, height: Int, width: Int,
    written body: (UnsafeMutablePointer<Float>) -> Void
  ) {
    let count = channels * height * width
    self.init(
      channels: channels, height: height, width: width,
      values: [Float](unsafeUninitializedCapacity: count) { buffer, written in
        if let base = buffer.baseAddress { body(base) }
        written = count
      })
  }

  /// From `[C, H, W]` or `[1, C, H, W]`.
  init(_ tensor: Tensor) {
    let shape = tensor.shape.suffix(3).map { $0 }
    precondition(shape.count == 3 && tensor.count == shape.reduce(1, *), "one picture [C, H, W]")
    self.init(channels: shape[0], height: shape[1], width: shape[2], values: tensor.floats)
  }

  /// `[C, H, W]`.
  var tensor: Tensor { Tensor(values, shape: [channels, height, width]) }

  /// Limits every value to [0, 1].
  mutating func clamp() {
    values.withUnsafeMutableBufferPointer { values in
      for i in values.indices { values[i] = min(max(values[i], 0), 1) }
    }
  }

  /// Clamps to [0, 1] and rounds to n / 255, half to even.
  mutating func quantize() {
    values.withUnsafeMutableBufferPointer { values in
      for i in values.indices {
        values[i] = min(max(roundHalfToEven(values[i] * 255), 0), 255) / 255
      }
    }
  }
}

/// Rounds |x| < 2²² to the nearest integer, half to even, in two additions that vectorise
/// everywhere.
@inline(__always)
func roundHalfToEven(_ x: Float) -> Float { (x + 12_582_912) - 12_582_912 }

@inline(__always)
func roundHalfToEven(_ x: SIMD8<Float>) -> SIMD8<Float> { (x + 12_582_912) - 12_582_912 }

/// Index of the reflected border: −1 → 1, n → n − 2; repeated for borders wider than the picture.
@inline(__always)
func reflected(_ index: Int, _ count: Int) -> Int {
  if count == 1 { return 0 }
  var index = index
  while index < 0 || index >= count {
    index = index < 0 ? -index : 2 * (count - 1) - index
  }
  return index
}
