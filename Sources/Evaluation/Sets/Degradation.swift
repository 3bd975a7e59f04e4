import Degradations
import Imaging

/// The degradation of an original to the input of a method.
public enum Degradation: Hashable, Sendable, CustomStringConvertible {
  /// Real-ESRGAN's random degradation with one mild round, and its second-order model.
  case light, full
  /// One kind of degradation at a level of 1 to 5, besides the reduction.
  case level(Kind, Int)

  public enum Kind: String, CaseIterable, Sendable {
    /// An isotropic Gaussian before the reduction: σ = 1.2 · level pixels of the original.
    case blur
    /// White Gaussian noise in the colours of the input: σ = 5 · level 8-bit levels.
    case noise
    /// JPEG of quality 105 − 15 · level: 90 to 30.
    case jpeg
    /// All three of this level, in this order.
    case mixture
  }

  public static let levels = 1...5

  /// Every kind at every level.
  public static let allLevels: [Degradation] = Kind.allCases.flatMap { kind in
    levels.map { .level(kind, $0) }
  }

  public var description: String {
    switch self {
    case .light: "light"
    case .full: "full"
    case .level(let kind, let level): "\(kind.rawValue) \(level)"
    }
  }

  /// The degraded picture, `scale` times smaller with sizes rounded down, 8 bit; the same for the
  /// same seed. Levels reduce by bicubic interpolation with antialiasing.
  ///
  /// - Parameter original: RGB of at least `scale` pixels a side.
  public func callAsFunction(_ original: Image, seed: UInt64, scale: Int) -> Image {
    let (width, height) = (original.width / scale, original.height / scale)
    func random(_ configuration: DegradationConfiguration) -> Image {
      Image(
        DegradationPipeline(configuration).degrade(original.planes(), seed: seed, scale: scale))
    }
    switch self {
    case .light: return random(.light)
    case .full: return random(DegradationConfiguration())
    case .level(let kind, let level):
      let strength = Double(level)
      var planes = original.planes()
      if kind == .blur || kind == .mixture {
        let sigma = 1.2 * strength
        let size = 2 * Int((3 * sigma).rounded(.up)) + 1
        planes = DegradationStep.blur(.gaussian(size: size, .isotropic(sigma)))(planes)
      }
      planes = planes.resized(toWidth: width, height: height, .bicubic)
      planes.clamp()
      if kind == .noise || kind == .mixture {
        planes = DegradationStep.noise(.gaussian(sigma: 5 * strength, gray: false), seed: seed)(
          planes)
      }
      if kind == .jpeg || kind == .mixture {
        planes = DegradationStep.jpeg(quality: 105 - 15 * strength)(planes)
      }
      return Image(planes)
    }
  }
}
