/// What follows from the figures of one set of pictures.
public struct SetStatistics: Codable, Sendable {
  public let set: String?
  public let pictures: Int
  /// By method and metric.
  public let summaries: [String: [Metric: SampleSummary]]
  public let robustness: [Robustness]
  public let damageCurves: [DamageCurve]
  /// Mean time for a picture, by method.
  public let seconds: [String: Double]

  init(_ report: EvaluationReport) {
    set = report.pictures.first?.set
    pictures = report.pictures.count
    summaries = report.summaries
    robustness = QualityScore.allCases.compactMap { Robustness(report, $0) }
    damageCurves = report.damageCurves
    seconds = report.meanSeconds
  }
}

extension EvaluationReport {
  /// What follows from the figures, for each set.
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
