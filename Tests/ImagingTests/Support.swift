import Foundation
import Imaging
import TestSupport
import Torch

/// Uniform noise in 0...1.
func noise(width: Int, height: Int, channels: Int, seed: UInt64 = 1) -> FloatImage {
  var random = RandomStream(seed)
  let values = (0..<width * height * channels).map { _ in Float.random(in: 0...1, using: &random) }
  return FloatImage(width: width, height: height, channels: channels, values: values)
}

/// A smooth picture with some detail, which lossy formats keep well.
func gradient(width: Int, height: Int, channels: Int) -> FloatImage {
  var planes = FloatImage(width: width, height: height, channels: channels)
  for c in 0..<channels {
    for y in 0..<height {
      for x in 0..<width {
        let (u, v) = (Float(x) / Float(width), Float(y) / Float(height))
        planes[c, y, x] = 0.5 + 0.4 * sin(3 * u + Float(c)) * cos(2 * v - Float(c))
      }
    }
  }
  return planes
}
