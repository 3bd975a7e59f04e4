import Checkpoints
import Foundation
import Torch

/// NIQE, the distance of a picture's local statistics from those of pristine photos (Mittal et al.,
/// 2013); no reference is needed and lower is better.
///
/// The luma is normalised locally, x̂ = (x − μ)/(σ + 1) with a Gaussian window 7 x 7, at two
/// scales. Each block of 96 x 96 gives 2 x 18 parameters of asymmetric generalised Gaussians fitted
/// to x̂ and to products of neighbours; with their mean ν and covariance Σ, D = √((ν − ν₀)ᵀ ((Σ +
/// Σ₀)/2)⁻¹ (ν − ν₀)).
public struct NIQE: Sendable {
  static let block = 96
  private let mean: Tensor  // [36]
  private let covariance: Tensor  // [36, 36]

  /// - Parameter weights: the folder that `scripts/metric-weights` wrote.
  public init(weights: URL = MetricWeights.folder) throws {
    let path = try MetricWeights.path("niqe.safetensors", in: weights)
    let file = try SafetensorsFile(path)
    mean = try file.tensor("mean").to(.float64)
    covariance = try file.tensor("covariance").to(.float64)
  }

  /// The score of one picture `[3, H, W]` in [0, 1].
  ///
  /// - Throws: `ImageQualityError` for pictures with fewer than two blocks of 96 x 96.
  public func callAsFunction(_ picture: Tensor, border: Int = 0) throws -> Double {
    let shape = picture.shape
    let (height, width) = (shape[1] - 2 * border, shape[2] - 2 * border)
    let (rows, columns) = (height / Self.block, width / Self.block)
    guard shape[0] == 3, rows * columns >= 2 else {
      throw ImageQualityError(
        "NIQE needs a colour picture of at least 96 x 192 pixels, not \(shape[2]) x \(shape[1])")
    }
    var gray = GrayPlane(
      picture, border: border, height: rows * Self.block, width: columns * Self.block)
    var features = [[Double]](repeating: [], count: rows * columns)
    for scale in 1...2 {
      if scale == 2 { gray = gray.halved() }
      let normalized = gray.locallyNormalized()
      let size = Self.block / scale
      for row in 0..<rows {
        for column in 0..<columns {
          features[row * columns + column] +=
            normalized.cropped(row * size, column * size, size).naturalSceneFeatures()
        }
      }
    }
    return distance(features)
  }

  private func distance(_ features: [[Double]]) -> Double {
    let x = Tensor(features.flatMap { $0 }, shape: [features.count, 36])
    let average = x.meanIgnoringNaN([0])
    let whole = features.filter { $0.allSatisfy(\.isFinite) }
    let kept = Tensor(whole.flatMap { $0 }, shape: [whole.count, 36])
    let centred = kept - kept.mean([0], keep: true)
    let spread = centred.transposed(0, 1).matmul(centred) / Double(max(1, whole.count - 1))
    let inverse = ((covariance + spread) / 2).pseudoInverse(tolerance: 1e-15)
    let difference = (average - mean).unsqueezed(0)
    return difference.matmul(inverse).matmul(difference.transposed(0, 1)).item.squareRoot()
  }
}

/// A grey picture in double precision.
struct GrayPlane {
  let height, width: Int
  var values: [Double]

  init(height: Int, width: Int) {
    (self.height, self.width) = (height, width)
    values = [Double](repeating: 0, count: height * width)
  }

  /// Gray levels, 0 ... 255 rounded, of the part of a picture `[3, H, W]` in [0, 1] inside a
  /// border.
  init(_ picture: Tensor, border: Int, height: Int, width: Int) {
    self.init(height: height, width: width)
    let shape = picture.shape
    let levels = (picture.detached().to(.cpu).to(.float64) * 255).values(Double.self)
    let area = shape[1] * shape[2]
    for y in 0..<height {
      for x in 0..<width {
        let i = (y + border) * shape[2] + x + border
        var value = 0.0
        for channel in 0..<3 { value += grayWeights[channel] * levels[channel * area + i] }
        self[y, x] = value.rounded(.toNearestOrEven)
      }
    }
  }

  subscript(y: Int, x: Int) -> Double {
    get { values[y * width + x] }
    set { values[y * width + x] = newValue }
  }

  func cropped(_ top: Int, _ left: Int, _ size: Int) -> GrayPlane {
    var result = GrayPlane(height: size, width: size)
    for y in 0..<size {
      for x in 0..<size { result[y, x] = self[top + y, left + x] }
    }
    return result
  }

  /// Filters both axes: output i = Σ_k taps[k] · input(step · i + k − before). Beyond the borders,
  /// `border` returns the index to read instead, or nil for zero.
  private func filtered(
    _ taps: [Double], step: Int, before: Int, _ border: (Int, Int) -> Int?
  ) -> GrayPlane {
    var lines = GrayPlane(height: height, width: (width + step - 1) / step)
    for y in 0..<height {
      for x in 0..<lines.width {
        var sum = 0.0
        for k in taps.indices {
          guard let source = border(step * x + k - before, width) else { continue }
          sum += taps[k] * self[y, source]
        }
        lines[y, x] = sum
      }
    }
    var result = GrayPlane(height: (height + step - 1) / step, width: lines.width)
    for y in 0..<result.height {
      for k in taps.indices {
        guard let source = border(step * y + k - before, height) else { continue }
        for x in 0..<result.width { result[y, x] += taps[k] * lines[source, x] }
      }
    }
    return result
  }

  /// Half the size, rounded up, with Keys' cubic (A = −0.5) widened for anti-aliasing, borders
  /// mirrored.
  func halved() -> GrayPlane {
    let taps = (0..<8).map { k -> Double in
      let d = abs(Double(k) - 3.5) / 2
      if d < 1 { return ((1.5 * d - 2.5) * d * d + 1) / 2 }
      return (((-0.5 * d + 2.5) * d - 4) * d + 2) / 2
    }
    func mirrored(_ i: Int, _ n: Int) -> Int? { i < 0 ? -1 - i : min(i, 2 * n - 1 - i) }
    return filtered(taps, step: 2, before: 3, mirrored)
  }

  /// (x − μ)/(σ + 1) with a Gaussian window 7 x 7, σ = 7/6; zeros beyond the borders with
  /// `zeroBorders`, otherwise replicated borders.
  func locallyNormalized(zeroBorders: Bool = false) -> GrayPlane {
    let variance = 49.0 / 36
    let line = (-3...3).map { exp(-Double($0 * $0) / (2 * variance)) }
    let taps = line.map { $0 / line.reduce(0, +) }
    func smooth(_ plane: GrayPlane) -> GrayPlane {
      plane.filtered(taps, step: 1, before: 3) { i, n in
        let nearest = min(max(i, 0), n - 1)
        return zeroBorders && nearest != i ? nil : nearest
      }
    }
    let μ = smooth(self)
    var squares = self
    squares.values = values.map { $0 * $0 }
    let second = smooth(squares)
    var result = self
    for i in values.indices {
      let σ = abs(second.values[i] - μ.values[i] * μ.values[i]).squareRoot()
      result.values[i] = (values[i] - μ.values[i]) / (σ + 1)
    }
    return result
  }

  /// The products of every value with its right, lower, lower right and lower left neighbour,
  /// wrapped around.
  func neighbourProducts() -> [[Double]] {
    [(0, 1), (1, 0), (1, 1), (1, -1)].map { dy, dx in
      var products = values
      for y in 0..<height {
        for x in 0..<width {
          products[y * width + x] *= self[(y + height - dy) % height, (x + width - dx) % width]
        }
      }
      return products
    }
  }

  /// The 18 parameters of a block: shape and scale of its values; shape, mean and both scales of
  /// the products with the right, lower, lower right and lower left neighbour (wrapped around).
  func naturalSceneFeatures() -> [Double] {
    let own = AsymmetricGaussian(values)
    var features = [own.shape, (own.left + own.right) / 2]
    for products in neighbourProducts() {
      let fit = AsymmetricGaussian(products)
      features += [fit.shape, fit.mean, fit.left, fit.right]
    }
    return features
  }
}

/// An asymmetric generalised Gaussian fitted by moments (Lasmar et al., 2009).
struct AsymmetricGaussian {
  let shape, left, right: Double

  /// (right − left) Γ(2/α) / Γ(1/α)
  var mean: Double { (right - left) * tgamma(2 / shape) / tgamma(1 / shape) }

  /// The mean squares of both sides, scale² Γ(3/α) / Γ(1/α).
  var meanSquares: (left: Double, right: Double) {
    let ratio = exp(lgamma(3 / shape) - lgamma(1 / shape))
    return (left * left * ratio, right * right * ratio)
  }

  private static let shapes = (0...9800).map { 0.2 + 0.001 * Double($0) }
  /// Γ(2/α)² / (Γ(1/α) Γ(3/α)), which grows with α.
  private static let ratios = shapes.map { α in
    exp(2 * lgamma(2 / α) - lgamma(1 / α) - lgamma(3 / α))
  }

  init(_ values: [Double]) {
    var (negative, negatives, positive, positives, absolute) = (0.0, 0, 0.0, 0, 0.0)
    for value in values {
      absolute += abs(value)
      if value < 0 { negative += value * value; negatives += 1 }
      if value > 0 { positive += value * value; positives += 1 }
    }
    let count = Double(values.count)
    let (σl, σr) = (
      (negative / Double(negatives)).squareRoot(), (positive / Double(positives)).squareRoot()
    )
    let γ = σl / σr
    let ratio = (absolute / count) * (absolute / count) / ((negative + positive) / count)
    let target = ratio * (γ * γ * γ + 1) * (γ + 1) / ((γ * γ + 1) * (γ * γ + 1))
    let α = Self.shape(ratio: target)
    let scale = exp(0.5 * (lgamma(1 / α) - lgamma(3 / α)))
    (shape, left, right) = (α, σl * scale, σr * scale)
  }

  /// The α whose Γ(2/α)² / (Γ(1/α) Γ(3/α)) is nearest to `ratio`, in steps of 0.001 from 0.2 to 10.
  static func shape(ratio: Double) -> Double { shapes[nearest(ratio)] }

  private static func nearest(_ target: Double) -> Int {
    guard target.isFinite else { return 0 }
    var (low, high) = (0, ratios.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if ratios[middle] < target { low = middle } else { high = middle }
    }
    return abs(ratios[low] - target) <= abs(ratios[high] - target) ? low : high
  }
}
