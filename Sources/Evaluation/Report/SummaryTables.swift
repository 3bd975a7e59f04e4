import Foundation
import Pages

/// The tables of a set: figures, counts of spoilt pictures, and slopes against degradation.
struct SummaryTables {
  private let report: EvaluationReport
  private let statistics: SetStatistics

  init(_ report: EvaluationReport, _ statistics: SetStatistics) {
    (self.report, self.statistics) = (report, statistics)
  }

  var html: String { figures + spoilt + slopes }

  private func name(_ method: String) -> String { HTML.escaped(method) }

  private var figures: String {
    let metrics = report.settings.metrics.filter { metric in
      statistics.summaries.values.contains { $0[metric] != nil }
    }
    let isTimed = !statistics.seconds.isEmpty
    let best = Dictionary(uniqueKeysWithValues: metrics.map { ($0, bestMean($0)) })
    let rows = report.methods.compactMap { method -> [String]? in
      guard let summaries = statistics.summaries[method] else { return nil }
      return [name(method)]
        + metrics.map { metric in
          guard let summary = summaries[metric] else { return "–" }
          let mean = metric.text(summary.mean)
          let isBest = mean == best[metric]! && method != EvaluationReport.reference
          return (isBest ? "<b>\(mean)</b>" : mean) + "<br/><small>"
            + details(method, metric, summary) + "</small>"
        }
        + (isTimed ? [statistics.seconds[method].map { String(format: "%.2f s", $0) } ?? "–"] : [])
    }
    let ratio =
      statistics.summaries[EvaluationReport.baseline] == nil
      ? "" : ", and the ratio to \(EvaluationReport.baseline)'s mean"
    return "<p>Mean over the pictures; below it the variance (n − 1)\(ratio). Arrows point to the "
      + "better values.</p>\n"
      + HTML.table(
        ["method"] + metrics.map(\.titleWithDirection) + (isTimed ? ["time a picture"] : []), rows)
  }

  private func details(_ method: String, _ metric: Metric, _ summary: SampleSummary) -> String {
    var details = summary.varianceText
    if method != EvaluationReport.baseline,
      let baseline = statistics.summaries[EvaluationReport.baseline]?[metric],
      baseline.count == summary.count
    {
      details += String(format: "<br/>×%.3f", summary.mean / baseline.mean)
    }
    return summary.count == statistics.pictures
      ? details : details + "<br/>\(summary.count) pictures"
  }

  /// The best mean as shown in the table, so that equal texts are equally good.
  private func bestMean(_ metric: Metric) -> String? {
    let means = report.methods.filter { $0 != EvaluationReport.reference }
      .compactMap { statistics.summaries[$0]?[metric]?.mean }
    return (metric.isLowerBetter ? means.min() : means.max()).map(metric.text)
  }

  private var spoilt: String {
    statistics.robustness.map { robustness in
      let rows = report.methods.compactMap { method in
        robustness.counts[method].map { counts in
          [name(method)]
            + [counts.deficient, counts.poor, counts.collapsed, counts.pictures].map { "\($0)" }
        }
      }
      func below(_ share: Double) -> String {
        String(format: "%.3f", share * robustness.average)
      }
      let formula = robustness.score.formula(report.settings.metrics) ?? ""
      return "<h3>Spoilt pictures by the \(robustness.score.rawValue) score</h3>\n"
        + "<p>Score: the mean of \(HTML.escaped(formula)), each within 0 … 1. Thresholds: its "
        + "average over the restoring methods, and 0.9 and 0.75 of that.</p>\n"
        + HTML.table(
          [
            "method", "deficient (below \(below(1)))",
            "poor (below \(below(Robustness.poorShare)))",
            "collapsed (below \(below(Robustness.collapsedShare)))", "pictures",
          ], rows)
    }.joined()
  }

  private var slopes: String {
    let curves = statistics.degradationCurves
    let kinds = Set(curves.map(\.kind)).sorted()
    return kinds.map { kind in
      let own = curves.filter { $0.kind == kind }
      let metrics = report.settings.metrics.filter { metric in own.contains { $0.metric == metric }
      }
      let rows = report.methods.compactMap { method -> [String]? in
        guard own.contains(where: { $0.method == method }) else { return nil }
        return [name(method)]
          + metrics.map { metric in
            let slope = own.first { $0.method == method && $0.metric == metric }?.slope
            return slope.map { String(format: "%+.\(metric.decimals)f", $0) } ?? "–"
          }
      }
      return "<h3>Change per level of \(HTML.escaped(kind))</h3>\n"
        + HTML.table(["method"] + metrics.map(\.titleWithDirection), rows)
    }.joined()
  }
}
