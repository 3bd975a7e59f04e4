import Imaging
import Torch

/// A mild degradation together with a target that is only as sharp and clean as the low-quality
/// picture: it has its defocus and its grain, but the high resolution and none of the losses of
/// shrinking and JPEG. A model trained on such targets enlarges a photo without changing its look.
///
/// Low quality: defocus → shrink → noise → JPEG. Target: defocus, plus the noise enlarged.
///
/// The result depends only on the picture, the configuration, the scale and the seed: parameters
/// come from stream 6 of the seed (`GrainSample`), noise from stream 7.
public struct GrainDegradation: Sendable {
  public let configuration: GrainConfiguration
  private let jpeg = JPEGSimulation()

  public init(_ configuration: GrainConfiguration = GrainConfiguration()) {
    self.configuration = configuration
  }

  /// # Shapes
  /// RGB `[3, H, W]` in [0, 1] → low quality `[3, H / scale, W / scale]` in [0, 1] on the 8-bit
  /// grid, target `[3, H, W]` in [0, 1]. The scale divides the sizes.
  public func degrade(
    _ picture: FloatImage, seed: UInt64, scale: Int
  ) -> (lowQuality: FloatImage, target: FloatImage) {
    degrade(picture, GrainSample(configuration, seed: seed, scale: scale), seed: seed, scale: scale)
  }

  /// Degrades with given parameters; `seed` determines only the noise.
  public func degrade(
    _ picture: FloatImage, _ sample: GrainSample, seed: UInt64, scale: Int
  ) -> (lowQuality: FloatImage, target: FloatImage) {
    let (height, width) = (picture.height, picture.width)
    precondition(
      picture.channels == 3 && height % scale == 0 && width % scale == 0,
      "RGB in multiples of \(scale), not \(picture.channels) x \(height) x \(width)")
    var target = picture.filtered(sample.kernel)
    var low = target.resized(toWidth: width / scale, height: height / scale, sample.shrinking)
    low.clamp()
    var grain = low
    var random = RandomStream(seed: seed, stream: 7)
    low.add(sample.noise, &random)
    // The visible noise: without the clipped part.
    for i in grain.values.indices { grain.values[i] = low.values[i] - grain.values[i] }
    let enlarged = grain.resized(toWidth: width, height: height, .bicubic)
    for i in target.values.indices { target.values[i] += enlarged.values[i] }
    target.clamp()
    if let quality = sample.quality { low = jpeg(low, quality: quality) }
    low.roundToLevels()
    return (low, target)
  }
}
