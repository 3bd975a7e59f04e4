import Foundation
import Pages
import Terminal

/// The curves of a run as one self-contained page, in HTML that is also valid XML.
struct CurvesPage {
  let history: RunHistory
  let settings: TrainingRecipe.Settings
  /// The seconds of training in all runs so far.
  let elapsed: Double
  let pictures: [PreviewPictures.Picture]
  /// The date of the page.
  let date: Date

  var html: String {
    let title = "Training: \(HTML.escaped(settings.stage))"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <title>\(title), update \(history.step)</title>
      <style>
      \(PageStyle.css)
      figure { margin: 0 0 1rem; } figure img { max-width: 100%; height: auto; }
      </style>
      </head>
      <body>
      <h1>\(title)</h1>
      \(state)\(sections.joined())\(previews)\(CurvesTable(history: history).html)</body>
      </html>

      """
  }

  // MARK: State

  private var state: String {
    var rows: [(String, String)] = []
    rows.append(("updates", "\(history.step)" + (settings.steps.map { " of \($0)" } ?? "")))
    rows.append(("training time", ProgressLine.duration(elapsed)))
    rows.append(("time left", remaining.map(ProgressLine.duration) ?? "unknown"))
    if let seconds = history.secondsPerUpdate {
      let samples = Double(settings.batch * settings.accumulation)
      rows.append(("seconds per update", String(format: "%.3g", seconds)))
      if let last = history.curve(.throughput, "samples_per_second")?.last {
        rows.append(("samples per second", String(format: "%.3g", last.value)))
      } else {
        rows.append(("samples per second", String(format: "%.3g", samples / seconds)))
      }
    }
    if let waiting = history.waiting {
      rows.append(("waiting for data", String(format: "%.0f %%", 100 * waiting)))
    }
    rows.append(
      (
        "skipped updates",
        "\(history.skipped)"
          + (history.lastSkipped.map { ", the last at \($0): a loss or gradient was not finite" }
            ?? "")
      ))
    rows.append(("written", date.formatted(.iso8601)))
    let terms = rows.map { "<dt>\($0.0)</dt><dd>\(HTML.escaped($0.1))</dd>" }
    return "<dl>\n\(terms.joined(separator: "\n"))\n</dl>\n"
      + "<p>Lines are smoothed over a fiftieth of the run; the bands show the values around them. "
      + "What lies outside the range after the first twentieth is cut off. Reload the page for "
      + "newer values.</p>\n"
  }

  /// The seconds until the run ends.
  private var remaining: Double? {
    let bySteps = settings.steps.flatMap { steps in
      history.secondsPerUpdate.map { Double(max(steps - history.step, 0)) * $0 }
    }
    let byTime = settings.hours.map { max($0 * 3600 - elapsed, 0) }
    return [bySteps, byTime].compactMap(\.self).min()
  }

  // MARK: Curves

  private var sections: [String] {
    [
      section("Losses", plots(.loss)),
      section("Validation", families.single.compactMap { plot($0, [($0, .validation, $0)]) }),
      section("Validation by scale", families.numbered.flatMap(scalePlots)),
      section("Figures", plots(.figure)),
      section("Gradient norms", plots(.gradientNorm)),
      section(
        "Learning rate",
        [plot("learning rate", [("learning rate", .learningRate, "")])].compactMap(\.self)),
      section("Throughput", throughput),
    ]
  }

  private func section(_ title: String, _ plots: [String]) -> String {
    plots.isEmpty ? "" : "<h2>\(title)</h2>\n<div class=\"plots\">\n\(plots.joined())</div>\n"
  }

  private func names(_ kind: RunHistory.Kind) -> [String] {
    (history.curves[kind] ?? [:]).keys.sorted {
      $0.compare($1, options: .numeric) == .orderedAscending
    }
  }

  /// A plot for each curve of a kind.
  private func plots(_ kind: RunHistory.Kind) -> [String] {
    names(kind).compactMap { plot($0, [($0, kind, $0)]) }
  }

  private func plot(
    _ title: String, _ lines: [(title: String, kind: RunHistory.Kind, name: String)]
  ) -> String? {
    let curves = lines.compactMap { line in
      history.curve(line.kind, line.name).map { (line.title, $0) }
    }
    let ranges = curves.map(\.1.range)
    let known = ranges.compactMap(\.self)
    let isAlone = curves.count == 1
    let shown =
      known.count == ranges.count
      ? known.map(\.lowerBound).min().map { $0...known.map(\.upperBound).max()! } : nil
    let svg = LinePlot(
      title: title, xLabel: "updates",
      lines: curves.enumerated().map { index, curve in
        LinePlot.Line(
          name: curve.0, style: PageStyle.line(index), points: curve.1.line,
          band: isAlone ? curve.1.band : [])
      },
      hasDots: curves.allSatisfy { $0.1.buckets.count <= 20 }, shown: shown
    ).svg
    return svg.map { "<div>\n\($0)\(isAlone ? "" : legend(curves.map(\.0)))</div>\n" }
  }

  private func legend(_ names: [String]) -> String {
    let items = names.enumerated().map {
      "<li class=\"\(PageStyle.line($0))\"><i></i>\(HTML.escaped($1))</li>"
    }
    return "<ul class=\"legend\">\(items.joined())</ul>\n"
  }

  private var throughput: [String] {
    let ranks = names(.rank).map { name in
      (Int(name) == nil ? name : "rank \(name)", RunHistory.Kind.rank, name)
    }
    return [
      plot(
        "samples per second", [("all", .throughput, "samples_per_second")]),
      ranks.isEmpty ? nil : plot("samples per second of each rank", ranks),
    ].compactMap(\.self)
  }

  // MARK: Scales

  private typealias Family = (name: String, members: [(number: Int, name: String)])

  /// The figures of validation: those of single scales ("accuracy_8"), together, and the others.
  private var families: (single: [String], numbered: [Family]) {
    var members: [String: [(number: Int, name: String)]] = [:]
    var single: [String] = []
    for name in names(.validation) {
      if let match = name.wholeMatch(of: #/(.+)_(\d+)/#), let number = Int(match.2) {
        members[String(match.1), default: []].append((number, name))
      } else {
        single.append(name)
      }
    }
    return (single, members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
  }

  /// A family over the updates, and over the scales at the first and the last validation.
  private func scalePlots(_ family: Family) -> [String] {
    let lines = family.members.map {
      ("scale \($0.number)", RunHistory.Kind.validation, $0.name)
    }
    let curves = family.members.compactMap { member in
      history.curve(.validation, member.name).map { (Double(member.number), $0) }
    }
    let ends = LinePlot(
      title: "\(family.name), first and last validation", xLabel: "scale",
      lines: [
        .init(
          name: "first", style: "baseline",
          points: curves.compactMap { x, curve in curve.buckets.first.map { (x, $0.mean) } }),
        .init(
          name: "last", style: "m0",
          points: curves.compactMap { x, curve in curve.last.map { (x, $0.value) } }),
      ], hasDots: true
    ).svg
    return [plot(family.name, lines), ends.map { "<div>\n\($0)\(endsLegend)</div>\n" }].compactMap(
      \.self)
  }

  private var endsLegend: String {
    "<ul class=\"legend\"><li class=\"baseline\"><i></i>first</li>"
      + "<li class=\"m0\"><i></i>last</li></ul>\n"
  }

  // MARK: Previews

  private var previews: String {
    guard !pictures.isEmpty else { return "" }
    let figures = pictures.reversed().map { picture in
      "<figure><img src=\"data:image/webp;base64,\(picture.text)\" width=\"\(picture.width)\" "
        + "height=\"\(picture.height)\" alt=\"Sheet of previews at update \(picture.step)\"/>"
        + "<figcaption>Update \(picture.step)</figcaption></figure>\n"
    }
    return "<h2>Previews</h2>\n" + figures.joined()
  }
}
