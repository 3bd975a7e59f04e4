import Testing

@testable import Evaluation

@Suite struct StatisticsTests {
  @Test func meanAndVariance() throws {
    let summary = try #require(SampleSummary([2, 4, 4, 4, 5, 5, 7, 9]))
    #expect(summary.count == 8 && summary.mean == 5)
    #expect(abs(summary.variance - 32.0 / 7) < 1e-12)
    #expect(summary.varianceText == "4.57")
    #expect(SampleSummary([0.51, 0.53])!.varianceText == "0.0002")
    #expect(SampleSummary([3])!.variance == 0)
    #expect(SampleSummary([Double]()) == nil)
    // PSNR of equal pictures.
    let infinite = SampleSummary([.infinity, 20])!
    #expect(infinite.mean == .infinity && infinite.variance.isNaN)
    #expect(SampleSummary([.infinity])!.variance.isNaN)
  }

  @Test func slopes() {
    #expect(leastSquaresSlope([(1, 5), (2, 3), (3, 1)]) == -2)
    // By hand: x̄ = 2, ȳ = 3; Σ (x − x̄)(y − ȳ) = 1 + 0 + 2, Σ (x − x̄)² = 2.
    #expect(leastSquaresSlope([(1, 2), (2, 2), (3, 5)]) == 1.5)
    #expect(leastSquaresSlope([(2, 1), (2, 4)]) == nil)
    #expect(leastSquaresSlope([]) == nil)
  }

  @Test func sortedCurvesBeginWithTheWorst() throws {
    let report = try EvaluationReport.made(
      ["a"], [.psnrY, .niqe],
      [["a": [.psnrY: 25, .niqe: 4]], ["a": [.psnrY: 20, .niqe: 9]], ["a": [.psnrY: 30]]])
    #expect(report.sortedCurve("a", .psnrY) == [20, 25, 30])
    #expect(report.sortedCurve("a", .niqe) == [9, 4])
    #expect(report.summaries["a"]?[.niqe]?.mean == 6.5)
    #expect(report.summaries["b"] == nil)
  }

  @Test func qualityScores() {
    let all = Metric.allCases
    #expect(abs(QualityScore.natural([.niqe: 4, .brisque: 20], all)! - 0.7) < 1e-12)
    // Beyond the scale's end counts as the end.
    #expect(QualityScore.natural([.niqe: 15, .brisque: -10], all) == 0.5)
    #expect(QualityScore.natural([.niqe: 4], all) == nil)
    #expect(abs(QualityScore.natural([.niqe: 4], [.psnrY, .niqe])! - 0.6) < 1e-12)
    #expect(QualityScore.faithful([.psnrY: 20], [.psnrY]) == nil)
    let faithful: Scores = [.lpipsAlex: 0.2, .lpipsVGG: 0.3, .dists: 0.1]
    #expect(abs(QualityScore.faithful(faithful, all)! - 0.8) < 1e-12)
  }

  /// Scores 1 − DISTS: x has 0.8 and 0.4, y 0.6 and 0.5; their average is 0.575.
  @Test func spoiltPictures() throws {
    func scores(_ bicubic: Double, _ x: Double, _ y: Double?) -> [String: Scores] {
      var scores: [String: Scores] = [
        "bicubic": [.dists: 1 - bicubic], "x": [.dists: 1 - x], "reference": [:],
      ]
      if let y { scores["y"] = [.dists: 1 - y] }
      return scores
    }
    let report = try EvaluationReport.made(
      ["bicubic", "x", "y", "reference"], [.dists],
      [scores(0.1, 0.8, 0.6), scores(0.55, 0.4, 0.5)])
    let robustness = try #require(Robustness(report, .faithful))
    #expect(abs(robustness.average - 0.575) < 1e-12)
    func counts(_ method: String) -> [Int]? {
      robustness.counts[method].map { [$0.deficient, $0.poor, $0.collapsed, $0.pictures] }
    }
    // Thresholds 0.575, 0.5175 and 0.43.
    #expect(counts("x") == [1, 1, 1, 2])
    #expect(counts("y") == [1, 1, 0, 2])
    #expect(counts("bicubic") == [2, 1, 1, 2])
    #expect(counts("reference") == nil)
    #expect(Robustness(report, .natural) == nil)
  }

  @Test func curvesAgainstDamage() throws {
    var report = try EvaluationReport.made(
      ["a"], [.psnrY], [30, 28, 27, 25, 20].map { ["a": [.psnrY: $0]] })
    for (index, level) in [1, 1, 2, 3].enumerated() {
      report.pictures[index].degradation = .init(kind: "blur", level: level)
    }
    let curves = report.degradationCurves
    let curve = try #require(curves.first)
    #expect(curves.count == 1 && curve.kind == "blur" && curve.method == "a")
    #expect(curve.points.map(\.level) == [1, 2, 3])
    #expect(curve.points.map(\.mean) == [29, 27, 25])
    #expect(curve.points.map(\.count) == [2, 1, 1])
    #expect(abs(curve.slope! + 2) < 1e-12)
  }

  @Test func setsAreSummarisedApart() throws {
    var report = try EvaluationReport.made(
      ["a"], [.psnrY], [30, 20, 28].map { ["a": [.psnrY: $0]] })
    for (index, set) in ["light", "full", "light"].enumerated() {
      report.pictures[index].set = set
    }
    let statistics = report.statistics
    #expect(statistics.map(\.set) == ["light", "full"])
    #expect(statistics.map { $0.summaries["a"]![.psnrY]!.mean } == [29, 20])
  }
}
