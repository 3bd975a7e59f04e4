import Pages

/// The plots of a set: each metric sorted over the pictures, and against levels of degradation.
struct ReportPlots {
  private let report: EvaluationReport
  private let statistics: SetStatistics

  init(_ report: EvaluationReport, _ statistics: SetStatistics) {
    (self.report, self.statistics) = (report, statistics)
  }

  var html: String {
    let sorted = report.settings.metrics.compactMap(sortedPlot)
    let degradation = Set(statistics.degradationCurves.map(\.kind)).sorted().flatMap { kind in
      report.settings.metrics.compactMap { degradationPlot(kind, $0) }
    }
    guard !sorted.isEmpty || !degradation.isEmpty else { return "" }
    return legend
      + grid("Sorted curves", "Each method's pictures from its worst to its best.", sorted)
      + grid("Against degradation", "Means over the pictures of each level.", degradation)
  }

  private func grid(_ title: String, _ text: String, _ plots: [String]) -> String {
    plots.isEmpty
      ? "" : "<h3>\(title)</h3>\n<p>\(text)</p>\n<div class=\"plots\">\n\(plots.joined())</div>\n"
  }

  private var legend: String {
    let items = report.methods.map { method in
      "<li class=\"\(ReportStyle.style(of: method, in: report))\"><i></i>\(HTML.escaped(method))</li>"
    }
    return "<ul class=\"legend\">\(items.joined())</ul>\n"
  }

  /// Sorted values of a metric; nil for a single picture.
  private func sortedPlot(_ metric: Metric) -> String? {
    guard statistics.pictures > 1 else { return nil }
    return LinePlot(
      title: metric.titleWithDirection, xLabel: "pictures, worst first",
      lines: report.methods.map { method in
        line(
          method,
          report.sortedCurve(method, metric).enumerated().map { (Double($0 + 1), $1) })
      }
    ).svg
  }

  private func degradationPlot(_ kind: String, _ metric: Metric) -> String? {
    let curves = statistics.degradationCurves.filter { $0.kind == kind && $0.metric == metric }
    return LinePlot(
      title: "\(kind): \(metric.titleWithDirection)", xLabel: "level",
      lines: curves.map { curve in
        line(curve.method, curve.points.map { (Double($0.level), $0.mean) })
      }, hasDots: true
    ).svg
  }

  private func line(_ method: String, _ points: [(x: Double, y: Double)]) -> LinePlot.Line {
    LinePlot.Line(
      name: method, style: ReportStyle.style(of: method, in: report), points: points)
  }
}
