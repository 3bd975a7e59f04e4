/// Statistics of one set of pictures.
public struct SetStatistics: Codable, Sendable {
  public let set: String?
  public let pictures: Int
  /// The summaries by method and metric.
  public let summaries: [String: [Metric: SampleSummary]]
  public let robustness: [Robustness]
  public let degradationCurves: [DegradationCurve]
  /// The mean time per picture in seconds, by method.
  public let seconds: [String: Double]

  private enum CodingKeys: String, CodingKey {
    case set, pictures, summaries, robustness, seconds
    case degradationCurves = "damageCurves"
  }

  init(_ report: EvaluationReport) {
    set = report.pictures.first?.set
    pictures = report.pictures.count
    summaries = report.summaries
    robustness = QualityScore.allCases.compactMap { Robustness(report, $0) }
    degradationCurves = report.degradationCurves
    seconds = report.meanSeconds
  }
}

extension EvaluationReport {
  /// The statistics of each set.
  public var statistics: [SetStatistics] { sets.map { SetStatistics($0) } }

  /// Mean and variance over the pictures by method and metric.
  public var summaries: [String: [Metric: SampleSummary]] {
    var result: [String: [Metric: SampleSummary]] = [:]
    for method in methods {
      for metric in settings.metrics {
        if let summary = SampleSummary(values(method, metric)) {
          result[method, default: [:]][metric] = summary
        }
      }
    }
    return result
  }

  var meanSeconds: [String: Double] {
    var result: [String: Double] = [:]
    for method in methods {
      result[method] = SampleSummary(pictures.compactMap { $0.seconds[method] })?.mean
    }
    return result
  }
}
