import Degradations
import Imaging
import Torch

/// Degrades pictures for training pairs, which are smaller by the model's scale.
struct Degrader: Sendable {
  let kind: DataSettings.Degradation
  let mix: DataSettings.Mix
  let scale: Int
  private let full, light: DegradationPipeline
  private let grain: GrainDegradation

  init(_ settings: DataSettings, scale: Int) {
    (kind, mix, self.scale) = (settings.degradation, settings.mix, scale)
    full = DegradationPipeline(settings.full)
    light = DegradationPipeline(settings.light)
    grain = GrainDegradation(settings.grain)
  }

  /// Whether the degraded pictures come with a teacher's picture.
  var hasTeacher: Bool { kind == .grain }

  /// # Shapes
  /// `[3, height, width]` in 0...1 → `[3, height / scale, width / scale]` in 0...1 on the 8-bit
  /// grid, and a teacher's picture of the original size where the kind has one.
  func callAsFunction(
    _ picture: FloatImage, seed: UInt64
  ) -> (lowQuality: FloatImage, teacher: FloatImage?) {
    switch drawn(seed) {
    case .full: return (full.degrade(picture, seed: seed, scale: scale), nil)
    case .light: return (light.degrade(picture, seed: seed, scale: scale), nil)
    case .grain:
      let (low, target) = grain.degrade(picture, seed: seed, scale: scale)
      return (low, target)
    case .bicubic, .mix:
      let small = picture.resized(
        toWidth: picture.width / scale, height: picture.height / scale, .bicubic)
      return (Image(small).planes(), nil)
    }
  }

  /// The sharpened picture, the first step of the full degradation.
  func sharpened(_ picture: FloatImage) -> FloatImage { full.sharpen(picture) }

  private func drawn(_ seed: UInt64) -> DataSettings.Degradation {
    guard kind == .mix else { return kind }
    var random = RandomStream(seed, 0x6D69_78)
    let value = random.uniform() * (mix.full + mix.light + mix.bicubic)
    return value < mix.full ? .full : value < mix.full + mix.light ? .light : .bicubic
  }
}
