import Degradations
import Imaging

/// Makes the low-quality picture of a training pair, four times smaller.
struct Degrader: Sendable {
  let kind: DataSettings.Degradation
  let mix: DataSettings.Mix
  private let full = DegradationPipeline()
  private let light = DegradationPipeline(.light)

  init(_ settings: DataSettings) { (kind, mix) = (settings.degradation, settings.mix) }

  /// # Shapes
  /// planes `[3, height, width]` in 0...1 → `[3, height / 4, width / 4]` in 0...1 on the 8-bit grid.
  func callAsFunction(_ planes: [Float], height: Int, width: Int, seed: UInt64) -> [Float] {
    switch drawn(seed) {
    case .full: return full.degrade(planes, height: height, width: width, seed: seed)
    case .light: return light.degrade(planes, height: height, width: width, seed: seed)
    case .bicubic, .mix:
      return Imaging.Planes(width: width, height: height, channels: 3, values: planes)
        .resized(toWidth: width / 4, height: height / 4, .bicubic)
        .values.map { (min(max($0, 0), 1) * 255).rounded() / 255 }
    }
  }

  /// The sharpened picture that the Real-ESRGAN model starts from.
  func sharpened(_ planes: [Float], height: Int, width: Int) -> [Float] {
    full.sharpen(planes, height: height, width: width)
  }

  private func drawn(_ seed: UInt64) -> DataSettings.Degradation {
    guard kind == .mix else { return kind }
    var random = KeyedGenerator(seed, 0x6D69_78)
    let value = random.uniform() * (mix.full + mix.light + mix.bicubic)
    return value < mix.full ? .full : value < mix.full + mix.light ? .light : .bicubic
  }
}
