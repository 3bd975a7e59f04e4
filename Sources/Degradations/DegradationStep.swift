/// One stage of a degradation by itself.
public enum DegradationStep: Equatable, Sendable {
  case blur(BlurKernel)
  /// Noise drawn from a seed's stream 4, as the first round of a pipeline does.
  case noise(DegradationNoise, seed: UInt64)
  /// JPEG of a quality in (0, 100).
  case jpeg(quality: Double)

  /// # Shapes
  /// Planar RGB `[3, height, width]` in [0, 1] → the same shape in [0, 1].
  public func callAsFunction(_ planes: [Float], height: Int, width: Int) -> [Float] {
    var picture = Planes(channels: 3, height: height, width: width, values: planes)
    switch self {
    case .blur(let kernel):
      picture = picture.filtered(kernel)
    case .noise(let noise, let seed):
      var random = RandomStream(seed: seed, stream: 4)
      picture.add(noise, &random)
    case .jpeg(let quality):
      picture = JPEGSimulation()(picture, quality: quality)
    }
    picture.clamp()
    return picture.values
  }
}
