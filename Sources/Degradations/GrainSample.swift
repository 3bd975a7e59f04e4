import Imaging
import Torch

/// The sampled parameters of one picture's `GrainDegradation`, everything but the noise itself.
public struct GrainSample: Equatable, Sendable {
  /// The defocus at the high size.
  public var kernel: BlurKernel
  public var shrinking: ResizeFilter
  public var noise: DegradationNoise
  /// The JPEG quality; nil for no JPEG.
  public var quality: Double?

  /// Draws the parameters from `seed`.
  public init(_ configuration: GrainConfiguration, seed: UInt64, scale: Int) {
    var random = RandomStream(seed: seed, stream: 6)
    func uniform(_ range: [Double]) -> Double { random.uniform(range[0], range[1]) }
    let sigma = uniform(configuration.defocus) * Double(scale)
    let size = 2 * Int((3 * sigma).rounded(.up)) + 1
    switch random.index(3) {
    case 0: kernel = .gaussian(size: size, .isotropic(sigma))
    case 1:
      let beta = random.chance(0.5) ? random.uniform(0.5, 1) : random.uniform(1, 4)
      kernel = .generalizedGaussian(size: size, .isotropic(sigma), beta: beta)
    default: kernel = .disk(radius: 2 * sigma)
    }
    shrinking = random.chance(0.5) ? .area : .bicubic
    let gray = random.chance(configuration.grayProbability)
    noise =
      random.chance(configuration.poissonProbability)
      ? .poisson(scale: uniform(configuration.poisson), gray: gray)
      : .gaussian(sigma: uniform(configuration.noise), gray: gray)
    quality = random.chance(configuration.jpegProbability) ? uniform(configuration.jpeg) : nil
  }
}
