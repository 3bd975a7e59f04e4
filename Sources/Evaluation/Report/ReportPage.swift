import Foundation
import Pages

/// The report as one self-contained page, in HTML that is also valid XML.
struct ReportPage {
  /// The largest number of pictures whose crops are shown, which keeps the page within some
  /// megabytes; it is divided equally among the sets.
  static let cropCount = 40

  let report: EvaluationReport
  let source: PanelSource?

  func html() throws -> String {
    let sets = report.sets
    let crops = max(1, Self.cropCount / max(1, sets.count))
    let sections = try sets.map { try section($0, crops: crops) }.joined()
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <title>Evaluation: \(HTML.escaped(report.restoringMethods.joined(separator: ", ")))</title>
      <style>
      \(PageStyle.css)
      </style>
      </head>
      <body>
      <h1>Evaluation</h1>
      \(head)
      \(sections)</body>
      </html>

      """
  }

  /// The methods and settings of the comparison.
  private var head: String {
    var rows = report.notes.sorted { $0.key < $1.key }
    rows += report.settings.others.sorted { $0.key < $1.key }
    rows.append(("border left out", "\(report.settings.border) pixels"))
    if let crop = report.settings.crop { rows.append(("middle part", "\(crop) pixels")) }
    let terms = rows.map {
      "<dt>\(HTML.escaped($0.key))</dt><dd>\(HTML.escaped($0.value))</dd>"
    }
    let missing = report.unavailable.map {
      "<li><b>\(HTML.escaped($0.title))</b>: \(HTML.escaped($0.reason))</li>"
    }
    return "<dl>\n\(terms.joined(separator: "\n"))\n</dl>\n"
      + (missing.isEmpty
        ? ""
        : "<details><summary>Metrics that are not available: \(missing.count)</summary>\n<ul>\n"
          + missing.joined(separator: "\n") + "\n</ul></details>\n")
  }

  private func section(_ report: EvaluationReport, crops limit: Int) throws -> String {
    let statistics = SetStatistics(report)
    let count = "\(statistics.pictures) \(statistics.pictures == 1 ? "picture" : "pictures")"
    let title = statistics.set.map { "\($0): \(count)" } ?? count
    return "<h2>\(HTML.escaped(title))</h2>\n" + SummaryTables(report, statistics).html
      + ReportPlots(report, statistics).html + (try crops(report, limit))
  }

  private func crops(_ report: EvaluationReport, _ limit: Int) throws -> String {
    guard let source else { return "" }
    let grid = CropGrid(report: report, source: source, limit: limit)
    let rows = try grid.html()
    guard !rows.isEmpty, let judged = grid.judged else { return "" }
    let (shown, worst) = (grid.pictures.count, grid.worst.count)
    return "<h3>Crops</h3>\n<p>The middle \(CropGrid.side)x\(CropGrid.side) pixels of \(shown) of "
      + "\(report.pictures.count) pictures"
      + (worst > 0 ? ", first the \(worst) where \(HTML.escaped(judged)) is worst" : "")
      + ".</p>\n" + rows
  }
}
