import Imaging
import Torch

@testable import Degradations

/// A picture with edges, ramps and texture, planar RGB in [0, 1].
func picture(_ height: Int, _ width: Int) -> FloatImage {
  var random = RandomStream(seed: 7, stream: 0)
  var values: [Float] = []
  for channel in 0..<3 {
    for y in 0..<height {
      for x in 0..<width {
        let edge: Float = (x / 9 + y / 13) % 2 == 0 ? 0.3 : 0
        let ramp = Float(x * (channel + 1) % width) / Float(width) * 0.4
        values.append(min(1, edge + ramp + 0.3 * Float(random.uniform())))
      }
    }
  }
  return FloatImage(width: width, height: height, channels: 3, values: values)
}

func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  precondition(a.count == b.count)
  return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}
