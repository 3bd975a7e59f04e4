import Foundation

/// The report as a short text: for each set, a row per metric and a column per method, with cells
/// "mean (variance)".
struct ReportTable {
  let report: EvaluationReport

  var text: String {
    let sets = report.statistics
    return sets.map { set in
      var rows = [[set.set ?? ""] + report.methods]
      for metric in report.settings.metrics {
        let cells = report.methods.map { method in
          set.summaries[method]?[metric].map { cell($0, metric, of: set.pictures) } ?? "-"
        }
        guard cells.contains(where: { $0 != "-" }) else { continue }
        rows.append([metric.titleWithDirection] + cells)
      }
      for robustness in set.robustness {
        rows.append(
          ["d/p/c \(robustness.score.rawValue)"]
            + report.methods.map { method in
              robustness.counts[method].map { "\($0.deficient)/\($0.poor)/\($0.collapsed)" } ?? "-"
            })
      }
      return aligned(rows) + "\n\(set.pictures) \(set.pictures == 1 ? "picture" : "pictures")"
    }.joined(separator: "\n\n") + Self.legend
  }

  private static let legend =
    "; mean (variance), d/p/c: how many are deficient, poor and collapsed"

  private func cell(_ summary: SampleSummary, _ metric: Metric, of pictures: Int) -> String {
    "\(metric.text(summary.mean)) (\(summary.varianceText))"
      + (summary.count == pictures ? "" : " of \(summary.count)")
  }

  private func aligned(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    return rows.map { row in
      zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
        .joined(separator: "  ").replacing(#/ +$/#, with: "")
    }.joined(separator: "\n")
  }
}

extension EvaluationReport {
  /// Mean and variance of every metric, and counts of pictures below the mean quality, its 0.9 and
  /// its 0.75, as text for a terminal.
  public var table: String { ReportTable(report: self).text }
}

extension Metric {
  /// The title with an arrow that points to better values, such as "LPIPS-Alex ↓".
  var titleWithDirection: String { title + (isLowerBetter ? " ↓" : " ↑") }

  /// A value with the metric's decimals; a dash for NaN.
  public func text(_ value: Double) -> String {
    value.isNaN ? "–" : String(format: "%.\(decimals)f", value)
  }
}
