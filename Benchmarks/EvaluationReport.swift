import Foundation

/// The result of `evaluate`.
struct EvaluationReport: Encodable {
  struct Settings: Encodable {
    var data: String
    var degradation = "second-order, Real-ESRGAN's ranges"
    /// Picture i, in the order of the names, is degraded and restored with seed + i.
    var seed: UInt64
    var scale, border: Int
    var crop: Int?
    var model: String?
    var modelName: String?
    var device, precision: String
    var threads: Int
  }

  struct Picture: Encodable {
    let file: String
    let seed: UInt64
    let width, height: Int
    var scores: [String: Scores] = [:]
    /// Seconds that each of the model's variants took.
    var seconds: [String: Double] = [:]
  }

  struct Summary: Encodable {
    let mean, variance: Double
    /// Mean over bicubic's mean, and mean minus bicubic's mean.
    let ratioToBicubic, differenceToBicubic: Double?
    let count: Int
  }

  static let baseline = "bicubic"
  var settings: Settings
  /// In the order of the table.
  var methods: [String]
  var pictures: [Picture] = []

  private enum CodingKeys: CodingKey { case settings, methods, pictures, summary }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(settings, forKey: .settings)
    try container.encode(methods, forKey: .methods)
    try container.encode(pictures, forKey: .pictures)
    try container.encode(summary, forKey: .summary)
  }

  /// Mean and variance (of a population sample, n − 1) over the pictures.
  var summary: [String: [Metric: Summary]] {
    func values(_ method: String, _ metric: Metric) -> [Double] {
      pictures.compactMap { $0.scores[method]?[metric] }
    }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    var result: [String: [Metric: Summary]] = [:]
    for method in methods {
      for metric in Metric.allCases {
        let own = values(method, metric)
        guard !own.isEmpty else { continue }
        let average = mean(own)
        let squares = own.reduce(0) { $0 + ($1 - average) * ($1 - average) }
        let base = values(Self.baseline, metric)
        let reference = base.count == own.count ? mean(base) : nil
        result[method, default: [:]][metric] = Summary(
          mean: average, variance: own.count > 1 ? squares / Double(own.count - 1) : 0,
          ratioToBicubic: reference.map { average / $0 },
          differenceToBicubic: reference.map { average - $0 }, count: own.count)
      }
    }
    return result
  }

  /// One row per method; cells "mean (variance) xratio".
  var table: String {
    let summary = summary
    func number(_ value: Double, _ decimals: Int) -> String {
      String(format: "%.\(decimals)f", value)
    }
    var rows = [["method"] + Metric.allCases.map(\.title)]
    for method in methods {
      rows.append(
        [method]
          + Metric.allCases.map { metric in
            guard let cell = summary[method]?[metric] else { return "-" }
            let text =
              "\(number(cell.mean, metric.decimals)) (\(number(cell.variance, metric.decimals)))"
            return text + (cell.ratioToBicubic.map { " x\(number($0, 3))" } ?? "")
          })
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    return rows.map { row in
      zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
        .joined(separator: "  ").replacing(#/ +$/#, with: "")
    }.joined(separator: "\n")
  }
}
