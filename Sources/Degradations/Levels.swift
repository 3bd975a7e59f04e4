import Imaging

// The fast stages work on `FloatImage`, only in the calling thread and without tensors, so that a
// data loader's threads leave libtorch's pool to training.
extension FloatImage {
  /// Clamps to [0, 1] and rounds to n / 255, half to even.
  mutating func roundToLevels() {
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
