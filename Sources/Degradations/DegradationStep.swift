import Imaging
import Torch

/// One stage of a degradation by itself.
public enum DegradationStep: Equatable, Sendable {
  case blur(BlurKernel)
  /// Noise from the seed's stream 4, as in the first round of a pipeline.
  case noise(DegradationNoise, seed: UInt64)
  /// JPEG with a quality in (0, 100).
  case jpeg(quality: Double)

  /// # Shapes
  /// RGB `[3, height, width]` in [0, 1] → the same shape in [0, 1].
  public func callAsFunction(_ picture: FloatImage) -> FloatImage {
    var result: FloatImage
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
