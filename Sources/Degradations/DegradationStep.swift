import Imaging
import Torch

/// One stage of a degradation by itself.
public enum DegradationStep: Equatable, Sendable {
  case blur(BlurKernel)
  /// Noise drawn from a seed's stream 4, as the first round of a pipeline does.
  case noise(DegradationNoise, seed: UInt64)
  /// JPEG of a quality in (0, 100).
  case jpeg(quality: Double)

  /// # Shapes
  /// RGB `[3, height, width]` in [0, 1] → the same shape in [0, 1].
  public func callAsFunction(_ picture: Planes) -> Planes {
    var result: Planes
    switch self {
    case .blur(let kernel):
      result = picture.filtered(kernel)
    case .noise(let noise, let seed):
      result = picture
      var random = RandomStream(seed: seed, stream: 4)
      result.add(noise, &random)
    case .jpeg(let quality):
      result = JPEGSimulation()(picture, quality: quality)
    }
    result.clamp()
    return result
  }
}
