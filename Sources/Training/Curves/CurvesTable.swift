import Foundation
import Pages

/// The newest values of all curves of a run as a table.
struct CurvesTable {
  let history: RunHistory

  var html: String {
    let rows = RunHistory.Kind.allCases.flatMap { kind in
      (history.curves[kind] ?? [:]).sorted { $0.key < $1.key }.compactMap { name, curve in
        row(kind, name, curve)
      }
    }
    guard !rows.isEmpty else { return "" }
    return "<h2>Newest values</h2>\n"
      + HTML.table(["curve", "update", "value", "smoothed", "smallest", "largest"], rows)
  }

  private func row(_ kind: RunHistory.Kind, _ name: String, _ curve: Curve) -> [String]? {
    guard let last = curve.last, let smoothed = curve.line.last else { return nil }
    let values = [
      last.value, smoothed.y, curve.buckets.map(\.low).min()!, curve.buckets.map(\.high).max()!,
    ]
    let title = [Self.title(kind), name].filter { !$0.isEmpty }.joined(separator: ": ")
    return [HTML.escaped(title), "\(last.step)"] + values.map { String(format: "%.5g", $0) }
  }

  private static func title(_ kind: RunHistory.Kind) -> String {
    switch kind {
    case .loss: "loss"
    case .validation: "validation"
    case .figure: "figure"
    case .gradientNorm: "gradient norm"
    case .learningRate: "learning rate"
    case .throughput: "throughput"
    case .rank: "samples per second, rank"
    }
  }
}
