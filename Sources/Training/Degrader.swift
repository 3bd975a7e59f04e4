import Degradations
import Imaging
import Torch

/// Makes the low-quality picture of a training pair, four times smaller.
struct Degrader: Sendable {
  let kind: DataSettings.Degradation
  let mix: DataSettings.Mix
  private let full = DegradationPipeline()
  private let light = DegradationPipeline(.light)

  init(_ settings: DataSettings) { (kind, mix) = (settings.degradation, settings.mix) }

  /// # Shapes
  /// `[3, height, width]` in 0...1 → `[3, height / 4, width / 4]` in 0...1 on the 8-bit grid.
  func callAsFunction(_ picture: Planes, seed: UInt64) -> Planes {
    let scale = Sample.scale
    switch drawn(seed) {
    case .full: return full.degrade(picture, seed: seed, scale: scale)
    case .light: return light.degrade(picture, seed: seed, scale: scale)
    case .bicubic, .mix:
      let small = picture.resized(
        toWidth: picture.width / scale, height: picture.height / scale, .bicubic)
      return Image(small).planes()
    }
  }

  /// The sharpened picture that the Real-ESRGAN model starts from.
  func sharpened(_ picture: Planes) -> Planes { full.sharpen(picture) }

  private func drawn(_ seed: UInt64) -> DataSettings.Degradation {
    guard kind == .mix else { return kind }
    var random = RandomStream(seed, 0x6D69_78)
    let value = random.uniform() * (mix.full + mix.light + mix.bicubic)
    return value < mix.full ? .full : value < mix.full + mix.light ? .light : .bicubic
  }
}
