import Imaging
import Torch

/// Low-quality pictures from high-quality ones (Wang et al., Real-ESRGAN, 2021): sharpen, then
/// blur → resize → noise → JPEG, the same again at the low size, and a last resize, sinc filter and
/// JPEG.
///
/// The result depends only on the picture, the configuration, the scale and the seed. Randomness is
/// `RandomStream(seed:stream:)`: parameters from streams 1 to 3 (`DegradationSample`), noise of the
/// first and second round from streams 4 and 5. Every stage runs in the calling thread.
public struct DegradationPipeline: Sendable {
  public let configuration: DegradationConfiguration
  private let unsharpMask = UnsharpMask()
  private let jpeg = JPEGSimulation()

  public init(_ configuration: DegradationConfiguration = DegradationConfiguration()) {
    self.configuration = configuration
  }

  /// # Shapes
  /// RGB `[3, H, W]` in [0, 1] → `[3, H / scale, W / scale]` in [0, 1] on the 8-bit grid. Sizes are
  /// rounded down.
  public func degrade(_ picture: FloatImage, seed: UInt64, scale: Int) -> FloatImage {
    degrade(picture, DegradationSample(configuration, seed: seed), seed: seed, scale: scale)
  }

  /// The target of training: the picture sharpened as configured, `[3, height, width]`.
  public func sharpen(_ picture: FloatImage) -> FloatImage {
    configuration.sharpens ? unsharpMask(picture) : picture
  }

  /// Degrades with given parameters; `seed` determines only the noise.
  public func degrade(
    _ picture: FloatImage, _ sample: DegradationSample, seed: UInt64, scale: Int
  ) -> FloatImage {
    let (height, width) = (picture.height, picture.width)
    precondition(
      picture.channels == 3 && scale >= 1 && height >= scale && width >= scale,
      "RGB of at least \(scale) x \(scale), not \(picture.channels) x \(height) x \(width)")
    var x = sharpen(picture)

    var round = sample.first
    if let blur = round.blur { x = x.filtered(blur.kernel) }
    x = x.resized(
      max(1, Int(Double(height) * round.factor)), max(1, Int(Double(width) * round.factor)),
      round.interpolation, factor: round.factor)
    var random = RandomStream(seed: seed, stream: 4)
    if let noise = round.noise { x.add(noise, &random) }

    if let second = sample.second {
      x.clamp()
      x = jpeg(x, quality: round.quality)
      round = second
      if let blur = round.blur { x = x.filtered(blur.kernel) }
      x = x.resized(
        max(1, Int(Double(height) / Double(scale) * round.factor)),
        max(1, Int(Double(width) / Double(scale) * round.factor)), round.interpolation)
      random = RandomStream(seed: seed, stream: 5)
      if let noise = round.noise { x.add(noise, &random) }
    }

    if sample.compressesFirst {
      x.clamp()
      x = jpeg(x, quality: round.quality)
    }
    x = x.resized(height / scale, width / scale, sample.interpolation)
    if let sinc = sample.sinc { x = x.filtered(sinc.kernel) }
    if !sample.compressesFirst {
      x.clamp()
      x = jpeg(x, quality: round.quality)
    }
    x.roundToLevels()
    return x
  }
}
