import Foundation

/// Mean and variance of a sample.
public struct SampleSummary: Codable, Equatable, Sendable {
  public let count: Int
  public let mean: Double
  /// Σ (x − mean)² / (n − 1); 0 for a single value, NaN where a value is infinite.
  public let variance: Double

  /// Nil for no values.
  public init?(_ values: some Collection<Double>) {
    guard !values.isEmpty else { return nil }
    count = values.count
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    variance = values.count > 1 ? squares / Double(values.count - 1) : mean.isFinite ? 0 : .nan
  }
}

extension SampleSummary {
  /// The variance with three significant digits, since those of some metrics are small; a dash for
  /// NaN.
  var varianceText: String {
    variance.isNaN ? "–" : String(format: variance < 1000 ? "%.3g" : "%.0f", variance)
  }
}

/// The slope of the least-squares line: Σ (x − x̄)(y − ȳ) / Σ (x − x̄)²; nil where all x are equal.
func leastSquaresSlope(_ points: [(x: Double, y: Double)]) -> Double? {
  guard let x = SampleSummary(points.map(\.x)), let y = SampleSummary(points.map(\.y)) else {
    return nil
  }
  let spread = points.reduce(0) { $0 + ($1.x - x.mean) * ($1.x - x.mean) }
  guard spread > 0 else { return nil }
  return points.reduce(0) { $0 + ($1.x - x.mean) * ($1.y - y.mean) } / spread
}
