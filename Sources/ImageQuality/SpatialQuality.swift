import Checkpoints
import Foundation
import Torch

/// BRISQUE, a quality score learned from human judgements of distorted photos (Mittal et al.,
/// 2012). No reference is needed and lower is better: about 0 for a pristine photo and 100 for a
/// badly distorted one; neither is a bound.
///
/// Gray levels are normalised locally, x̂ = (x − μ)/(σ + 1) with a Gaussian window 7 x 7 and zeros
/// beyond the borders, at two scales. A generalised Gaussian fitted to x̂ and asymmetric ones
/// fitted to its products with four neighbours give 2 x 18 features f. With these scaled to −1 ...
/// 1 over the training pictures, and support vectors v_i: score = Σ_i a_i exp(−γ ‖f − v_i‖²) − ρ.
public struct BRISQUE: Sendable {
  static let minimumSide = 32
  private let support: Tensor  // [N, 36]
  private let coefficients: Tensor  // [N]
  private let γ, ρ: Double
  private let minimum, maximum: Tensor  // [36]

  /// - Parameter weights: the folder that `scripts/metric-weights` wrote.
  /// - Throws: `ImageQualityError` where the file is missing or holds other shapes,
  ///   `CheckpointError` where it is damaged.
  public init(weights: URL = MetricWeights.folder) throws {
    let path = try MetricWeights.path("brisque.safetensors", in: weights)
    let file = try SafetensorsFile(path)
    func tensor(_ name: String) throws -> Tensor { try file.tensor(name).to(.float64) }
    support = try tensor("support")
    coefficients = try tensor("coefficients")
    (minimum, maximum) = (try tensor("minimum"), try tensor("maximum"))
    let (γ, ρ) = (try tensor("gamma"), try tensor("rho"))
    guard support.shape == [coefficients.count, 36], minimum.shape == [36], maximum.shape == [36],
      γ.count == 1, ρ.count == 1
    else {
      throw ImageQualityError(
        "\(path): expected support vectors [N, 36] with N coefficients and ranges of 36 features, "
          + "found \(support.shape), \(coefficients.shape), \(minimum.shape) and "
          + "\(maximum.shape); run scripts/metric-weights")
    }
    (self.γ, self.ρ) = (γ.item, ρ.item)
  }

  /// The score of one picture `[3, H, W]` in [0, 1].
  ///
  /// - Throws: `ImageQualityError` for pictures smaller than 32 x 32 and for flat ones.
  public func callAsFunction(_ picture: Tensor, border: Int = 0) throws -> Double {
    let features = try Self.features(picture, border: border)
    let scaled = (Tensor(features) - minimum) / (maximum - minimum) * 2 - 1
    let kernel = ((support - scaled).square().sum([1]) * -γ).exp()  // [N]
    return (coefficients * kernel).sum().item - ρ
  }

  /// The 36 features of one picture `[3, H, W]` in [0, 1], those of the full size first.
  static func features(_ picture: Tensor, border: Int = 0) throws -> [Double] {
    let shape = picture.shape
    guard shape.count == 3, shape[0] == 3, shape[1] - 2 * border >= minimumSide,
      shape[2] - 2 * border >= minimumSide
    else {
      throw ImageQualityError(
        "BRISQUE needs a colour picture [3, H, W] of at least \(minimumSide) x \(minimumSide) pixels, "
          + "not \(shape)")
    }
    let gray = GrayPlane(
      picture, border: border, height: shape[1] - 2 * border, width: shape[2] - 2 * border)
    let features = [gray, gray.halved()].flatMap {
      $0.locallyNormalized(zeroBorders: true).spatialQualityFeatures()
    }
    guard features.allSatisfy(\.isFinite) else {
      throw ImageQualityError("BRISQUE cannot judge a picture without local contrast")
    }
    return features
  }
}

extension GrayPlane {
  /// The 18 parameters of a scale: shape and mean square of its values; shape, mean and the mean
  /// squares of both sides of the products with each of four neighbours.
  func spatialQualityFeatures() -> [Double] {
    let count = Double(values.count)
    let meanSquare = values.reduce(0) { $0 + $1 * $1 } / count
    let meanAbsolute = values.reduce(0) { $0 + abs($1) } / count
    let shape = AsymmetricGaussian.shape(ratio: meanAbsolute * meanAbsolute / meanSquare)
    var features = [shape, meanSquare]
    for products in neighbourProducts() {
      let fit = AsymmetricGaussian(products)
      features += [fit.shape, fit.mean, fit.meanSquares.left, fit.meanSquares.right]
    }
    return features
  }
}
