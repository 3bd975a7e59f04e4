/// A single quality score of a picture in 0 ... 1, from the available metrics; higher is better.
///
/// The paper takes the mean of CLIPIQA, MUSIQ / 100, MANIQA and TOPIQ. Without their weights there
/// are two scores: one from metrics that need no reference, like the paper's, and one from
/// distances to the reference. Each part is clamped to 0 ... 1, and a picture has the score only
/// where it has all parts that the report's metrics allow.
public enum QualityScore: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
  /// The mean of 1 − NIQE / 10 and 1 − BRISQUE / 100. BRISQUE's scale ends at 100; NIQE's is
  /// unbounded, and 10 is the value used in the perceptual index of the PIRM challenge (Blau et
  /// al., 2018).
  case natural
  /// The mean of 1 − LPIPS-Alex, 1 − LPIPS-VGG and 1 − DISTS.
  case faithful

  private var parts: [(metric: Metric, worst: Double)] {
    switch self {
    case .natural: [(.niqe, 10), (.brisque, 100)]
    case .faithful: [(.lpipsAlex, 1), (.lpipsVGG, 1), (.dists, 1)]
    }
  }

  /// The available parts, such as "1 − NIQE / 10, 1 − BRISQUE / 100"; nil for none.
  func formula(_ metrics: [Metric]) -> String? {
    let terms = parts.filter { metrics.contains($0.metric) }.map { part in
      "1 − \(part.metric.title)" + (part.worst == 1 ? "" : " / \(Int(part.worst))")
    }
    return terms.isEmpty ? nil : terms.joined(separator: ", ")
  }

  /// - Parameter metrics: the metrics of the report.
  /// - Returns: nil where one of them is missing.
  public func callAsFunction(_ scores: Scores, _ metrics: [Metric]) -> Double? {
    let parts = parts.filter { metrics.contains($0.metric) }
    let values = parts.compactMap { part in
      scores[part.metric].map { min(max(1 - $0 / part.worst, 0), 1) }
    }
    guard !parts.isEmpty, values.count == parts.count else { return nil }
    return values.reduce(0, +) / Double(values.count)
  }
}

/// The number of pictures that a method spoils (paper, "Deficient / Poor / Collapse"): with s̄ the
/// average of a score over all pictures and restoring methods, the pictures with a score below s̄,
/// 0.9 s̄ and 0.75 s̄. Each count includes the next one. Interpolations and the reference are
/// counted as well, but do not contribute to s̄, except the baseline where no other method
/// restores.
public struct Robustness: Codable, Equatable, Sendable {
  public static let poorShare = 0.9
  public static let collapsedShare = 0.75

  public struct Counts: Codable, Equatable, Sendable {
    public let deficient, poor, collapsed: Int
    /// The pictures that have the score.
    public let pictures: Int
  }

  public let score: QualityScore
  /// The average score s̄.
  public let average: Double
  /// The counts by method.
  public let counts: [String: Counts]

  /// Nil where no picture has the score.
  public init?(_ report: EvaluationReport, _ score: QualityScore) {
    var values: [String: [Double]] = [:]
    for method in report.methods {
      let own = report.pictures.compactMap { picture in
        picture.scores[method].flatMap { score($0, report.settings.metrics) }
      }
      if !own.isEmpty { values[method] = own }
    }
    let restored = report.restoringMethods.flatMap { values[$0] ?? [] }
    let pool = restored.isEmpty ? values[EvaluationReport.baseline] ?? [] : restored
    guard let average = SampleSummary(pool)?.mean else { return nil }
    self.score = score
    self.average = average
    counts = values.mapValues { values in
      func below(_ share: Double) -> Int { values.filter { $0 < share * average }.count }
      return Counts(
        deficient: below(1), poor: below(Self.poorShare), collapsed: below(Self.collapsedShare),
        pictures: values.count)
    }
  }
}

extension EvaluationReport {
  /// A method's values of a metric from the worst picture to the best.
  public func sortedCurve(_ method: String, _ metric: Metric) -> [Double] {
    let sorted = values(method, metric).sorted()
    return metric.isLowerBetter ? sorted.reversed() : sorted
  }
}
