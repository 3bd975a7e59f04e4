import Foundation

/// A blur kernel of odd size, normalised to sum 1, computed in Double.
///
/// With d the offset from the centre, Σ = U diag(σx², σy²) Uᵀ, U the rotation by θ, and q = dᵀ Σ⁻¹
/// d:
/// - Gaussian: exp(−q/2)
/// - generalised Gaussian: exp(−q^β/2)
/// - plateau: 1 / (1 + q^β)
/// - disk, a lens out of focus: 1 up to a radius, its edge one pixel wide
/// - sinc, the ideal low-pass filter of cut-off ω on a disc: ω J₁(ω|d|) / (2π|d|), ω²/4π in the
///   centre
///
/// (Wang et al., Real-ESRGAN, 2021; Liu et al., 2020.)
public struct BlurKernel: Equatable, Sendable {
  /// Rows and columns.
  public let size: Int
  /// `[size, size]`, row-major.
  public let values: [Double]
  /// The factor v of a kernel known to be v vᵀ; otherwise nil.
  let factor: [Double]?

  private init(size: Int, factor: [Double]? = nil, _ weight: (Double, Double) -> Double) {
    precondition(size > 0 && size % 2 == 1, "a kernel's size is odd, not \(size)")
    let radius = size / 2
    var values: [Double] = []
    values.reserveCapacity(size * size)
    for y in -radius...radius {
      for x in -radius...radius { values.append(weight(Double(x), Double(y))) }
    }
    let sum = values.reduce(0, +)
    self.size = size
    self.values = values.map { $0 / sum }
    self.factor = factor
  }

  /// A kernel with the given values, which are not normalised.
  public init(size: Int, values: [Double]) {
    precondition(
      size % 2 == 1 && values.count == size * size, "\(values.count) values, size \(size)")
    (self.size, self.values, factor) = (size, values, nil)
  }

  /// σx, σy and the rotation angle θ in radians.
  public struct Shape: Equatable, Sendable, Codable {
    public var sigmaX, sigmaY, angle: Double

    public init(sigmaX: Double, sigmaY: Double, angle: Double) {
      (self.sigmaX, self.sigmaY, self.angle) = (sigmaX, sigmaY, angle)
    }

    /// A circle of radius σ.
    public static func isotropic(_ sigma: Double) -> Shape {
      Shape(sigmaX: sigma, sigmaY: sigma, angle: 0)
    }

    var isIsotropic: Bool { sigmaX == sigmaY }

    /// The function q(x, y) = dᵀ Σ⁻¹ d.
    var form: (Double, Double) -> Double {
      let (c, s) = (cos(angle), sin(angle))
      let (a, b) = (sigmaX * sigmaX, sigmaY * sigmaY)
      // Σ = [[p, r], [r, t]]
      let (p, r, t) = (c * c * a + s * s * b, c * s * (a - b), s * s * a + c * c * b)
      let determinant = a * b
      return { x, y in (t * x * x - 2 * r * x * y + p * y * y) / determinant }
    }
  }

  public static func gaussian(size: Int, _ shape: Shape) -> BlurKernel {
    let q = shape.form
    var factor: [Double]?
    if shape.isIsotropic {
      let line = (0..<size).map { exp(-0.5 * q(Double($0 - size / 2), 0)) }
      let sum = line.reduce(0, +)
      factor = line.map { $0 / sum }
    }
    return BlurKernel(size: size, factor: factor) { exp(-0.5 * q($0, $1)) }
  }

  public static func generalizedGaussian(size: Int, _ shape: Shape, beta: Double) -> BlurKernel {
    let q = shape.form
    return BlurKernel(size: size) { exp(-0.5 * pow(q($0, $1), beta)) }
  }

  public static func plateau(size: Int, _ shape: Shape, beta: Double) -> BlurKernel {
    let q = shape.form
    return BlurKernel(size: size) { 1 / (pow(q($0, $1), beta) + 1) }
  }

  /// The blur of a lens out of focus. Its standard deviation along any line is half the radius.
  public static func disk(radius: Double) -> BlurKernel {
    BlurKernel(size: 2 * Int((radius + 0.5).rounded(.up)) + 1) { x, y in
      min(max(radius + 0.5 - (x * x + y * y).squareRoot(), 0), 1)
    }
  }

  /// - Parameter cutoff: ω in radians per pixel, in (0, π].
  public static func sinc(size: Int, cutoff: Double) -> BlurKernel {
    BlurKernel(size: size) { x, y in
      let distance = (x * x + y * y).squareRoot()
      return distance == 0
        ? cutoff * cutoff / (4 * .pi) : cutoff * j1(cutoff * distance) / (2 * .pi * distance)
    }
  }

  /// The identity: 1 in the centre.
  public static func pulse(size: Int) -> BlurKernel {
    BlurKernel(size: size) { $0 == 0 && $1 == 0 ? 1 : 0 }
  }

  /// The same kernel with a border of zeros.
  public func padded(to larger: Int) -> BlurKernel {
    precondition(larger % 2 == 1, "a kernel's size is odd, not \(larger)")
    guard larger > size else { return self }
    let border = (larger - size) / 2
    var padded = [Double](repeating: 0, count: larger * larger)
    for y in 0..<size {
      for x in 0..<size { padded[(y + border) * larger + x + border] = values[y * size + x] }
    }
    return BlurKernel(size: larger, values: padded)
  }

  /// The line v of OpenCV's Gaussian kernel v vᵀ: fixed tables up to 9 taps where `sigma` is 0,
  /// otherwise exp(−x²/2σ²) with σ = 0.3 ((n − 1)/2 − 1) + 0.8 by default.
  public static func gaussianLine(size: Int, sigma: Double = 0) -> [Double] {
    precondition(size > 0 && size % 2 == 1, "a kernel's size is odd, not \(size)")
    if sigma <= 0 {
      switch size {
      case 1: return [1]
      case 3: return [0.25, 0.5, 0.25]
      case 5: return [0.0625, 0.25, 0.375, 0.25, 0.0625]
      case 7: return [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125]
      case 9: return [4, 13, 30, 51, 60, 51, 30, 13, 4].map { $0 / 256 }
      default: break
      }
    }
    let sigma = sigma > 0 ? sigma : 0.3 * (Double(size - 1) * 0.5 - 1) + 0.8
    let line = (0..<size).map { i -> Double in
      let x = Double(i) - Double(size - 1) / 2
      return exp(-x * x / (2 * sigma * sigma))
    }
    let sum = line.reduce(0, +)
    return line.map { $0 / sum }
  }
}
