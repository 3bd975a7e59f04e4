import Foundation
import Torch

/// The families of blur kernels, in the order of `kernel_prob`, and the sinc kernel.
public enum BlurKernelKind: String, Codable, Sendable, CaseIterable {
  case isotropic = "iso"
  case anisotropic = "aniso"
  case generalizedIsotropic = "generalized_iso"
  case generalizedAnisotropic = "generalized_aniso"
  case plateauIsotropic = "plateau_iso"
  case plateauAnisotropic = "plateau_aniso"
  case sinc
}

/// The sampled parameters of a blur kernel.
public struct BlurSample: Equatable, Sendable, Codable {
  public var kind: BlurKernelKind
  public var size: Int
  public var shape = BlurKernel.Shape.isotropic(1)
  /// Exponent of the generalised and plateau kernels.
  public var beta = 1.0
  /// Cut-off of the sinc kernel, radians per pixel.
  public var cutoff = Double.pi

  public var kernel: BlurKernel {
    switch kind {
    case .isotropic, .anisotropic: .gaussian(size: size, shape)
    case .generalizedIsotropic, .generalizedAnisotropic:
      .generalizedGaussian(size: size, shape, beta: beta)
    case .plateauIsotropic, .plateauAnisotropic: .plateau(size: size, shape, beta: beta)
    case .sinc: .sinc(size: size, cutoff: cutoff)
    }
  }
}

/// The sampled parameters of one picture's degradation, everything but the noise itself.
public struct DegradationSample: Equatable, Sendable, Codable {
  public struct Round: Equatable, Sendable, Codable {
    public var blur: BlurSample?
    public var factor: Double
    public var interpolation: DegradationInterpolation
    public var noise: DegradationNoise?
    public var quality: Double
  }

  public var first: Round
  public var second: Round?
  /// The interpolation of the last resize, to the low-quality size.
  public var interpolation: DegradationInterpolation
  /// The last filter.
  public var sinc: BlurSample?
  /// Whether the last JPEG comes before the last resize and filter.
  public var compressesFirst: Bool

  /// Draws the parameters from `seed` (streams 1, 2 and 3: first round, second round, final steps).
  public init(_ configuration: DegradationConfiguration, seed: UInt64) {
    var random = RandomStream(seed: seed, stream: 1)
    first = Round(configuration.first, configuration.blurKernelSize, &random)
    random = RandomStream(seed: seed, stream: 2)
    second = configuration.second.map { Round($0, configuration.blurKernelSize, &random) }
    random = RandomStream(seed: seed, stream: 3)
    interpolation = DegradationInterpolation.allCases.randomElement(using: &random)!
    compressesFirst = random.chance(0.5)
    if random.chance(configuration.finalSincProbability) {
      let size = BlurSample.size(configuration.blurKernelSize, &random)
      sinc = BlurSample(kind: .sinc, size: size, cutoff: random.uniform(.pi / 3, .pi))
    }
  }
}

extension BlurSample {
  fileprivate static func size(_ largest: Int, _ random: inout RandomStream) -> Int {
    7 + 2 * Int.random(in: 0...((largest - 7) / 2), using: &random)
  }

  fileprivate init(
    _ round: DegradationConfiguration.Round, _ largest: Int, _ random: inout RandomStream
  ) {
    let size = Self.size(largest, &random)
    if random.chance(round.sincProbability) {
      let lowest = size < 13 ? Double.pi / 3 : Double.pi / 5
      self.init(kind: .sinc, size: size, cutoff: random.uniform(lowest, .pi))
      return
    }
    func uniform(_ range: ClosedRange<Double>) -> Double {
      random.uniform(range.lowerBound, range.upperBound)
    }
    /// Below 1 and above 1 with equal probability, where the range covers both.
    func exponent(_ range: ClosedRange<Double>) -> Double {
      let below = random.chance(0.5)
      return below
        ? uniform(range.lowerBound...max(range.lowerBound, min(1, range.upperBound)))
        : uniform(min(range.upperBound, max(1, range.lowerBound))...range.upperBound)
    }
    let kind = BlurKernelKind.allCases[random.index(weights: round.kernelProbabilities)]
    self.init(kind: kind, size: size)
    shape = .isotropic(uniform(round.blurSigma))
    switch kind {
    case .anisotropic, .generalizedAnisotropic, .plateauAnisotropic:
      shape.sigmaY = uniform(round.blurSigma)
      shape.angle = random.uniform(-.pi, .pi)
    default: break
    }
    switch kind {
    case .generalizedIsotropic, .generalizedAnisotropic: beta = exponent(round.generalizedBeta)
    case .plateauIsotropic, .plateauAnisotropic: beta = exponent(round.plateauBeta)
    default: break
    }
  }
}

extension DegradationSample.Round {
  fileprivate init(
    _ round: DegradationConfiguration.Round, _ kernelSize: Int, _ random: inout RandomStream
  ) {
    func uniform(_ range: ClosedRange<Double>) -> Double {
      random.uniform(range.lowerBound, range.upperBound)
    }
    blur = random.chance(round.blurProbability) ? BlurSample(round, kernelSize, &random) : nil
    switch random.index(weights: round.resizeProbabilities) {
    case 0: factor = random.uniform(1, max(1, round.resizeRange.upperBound))
    case 1: factor = random.uniform(min(1, round.resizeRange.lowerBound), 1)
    default: factor = 1
    }
    interpolation = DegradationInterpolation.allCases.randomElement(using: &random)!
    if random.chance(round.noiseProbability) {
      let gray = random.chance(round.grayNoiseProbability)
      noise =
        random.chance(round.gaussianNoiseProbability)
        ? .gaussian(sigma: uniform(round.noiseRange), gray: gray)
        : .poisson(scale: uniform(round.poissonScaleRange), gray: gray)
    }
    quality = uniform(round.jpegRange)
  }
}
