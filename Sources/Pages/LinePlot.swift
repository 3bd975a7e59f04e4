import Foundation

/// A line plot as SVG, coloured by the page's style sheet.
package struct LinePlot {
  package struct Line {
    let name: String
    /// The style sheet's class for the line's colour, such as "m0".
    let style: String
    let points: [(x: Double, y: Double)]
    /// The range of the values around each point, drawn as a faint band.
    let band: [(x: Double, low: Double, high: Double)]

    package init(
      name: String, style: String, points: [(x: Double, y: Double)],
      band: [(x: Double, low: Double, high: Double)] = []
    ) {
      self.name = name
      self.style = style
      self.points = points
      self.band = band
    }
  }

  private let title, xLabel: String
  private let lines: [Line]
  private let hasDots: Bool
  private let shown: ClosedRange<Double>?

  /// - Parameters:
  ///   - hasDots: whether to draw a dot at each point, for few points.
  ///   - shown: the values that the plot has to show; what lies outside them and the axis is cut
  ///     off. nil: all values.
  package init(
    title: String, xLabel: String, lines: [Line], hasDots: Bool = false,
    shown: ClosedRange<Double>? = nil
  ) {
    self.title = title
    self.xLabel = xLabel
    self.lines = lines
    self.hasDots = hasDots
    self.shown = shown
  }

  private static let (width, height) = (380.0, 240.0)
  private static let (left, right, top, bottom) = (50.0, 10.0, 28.0, 38.0)

  /// The `svg` element; nil where there is nothing to draw. Infinite values are left out.
  package var svg: String? {
    let drawn = lines.map { line in
      (line, line.points.filter { abs($0.x) < 1e12 && abs($0.y) < 1e12 })
    }.filter { !$0.1.isEmpty }
    let all = drawn.flatMap(\.1)
    guard !all.isEmpty else { return nil }
    let x = Axis(all.map(\.x), from: Self.left, to: Self.width - Self.right)
    let y = Axis(
      shown.map { [$0.lowerBound, $0.upperBound] } ?? all.map(\.y),
      from: Self.height - Self.bottom, to: Self.top, endsAtTicks: true)
    func inside(_ y: Double) -> Double { min(max(y, Self.top), Self.height - Self.bottom) }

    let escapedTitle = HTML.escaped(title)
    var parts = [
      "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" "
        + "aria-label=\"\(escapedTitle)\">",
      text(Self.left, 16, "start", title, style: "title"),
      text((Self.left + Self.width - Self.right) / 2, Self.height - 6, "middle", xLabel),
    ]
    for tick in y.ticks {
      let at = format(y(tick))
      parts.append(
        "<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(at)\" "
          + "y2=\"\(at)\"/>")
      parts.append(text(Self.left - 6, y(tick) + 4, "end", y.label(tick)))
    }
    for tick in x.ticks {
      parts.append(text(x(tick), Self.height - Self.bottom + 16, "middle", x.label(tick)))
    }
    for (line, points) in drawn {
      let places = points.map { "\(format(x($0.x))) \(format(inside(y($0.y))))" }
      let name = HTML.escaped(line.name)
      parts.append("<g class=\"line \(line.style)\"><title>\(name)</title>")
      let band = line.band.filter { abs($0.low) < 1e12 && abs($0.high) < 1e12 }
      if band.count > 1 {
        let edge = band.map { ($0.x, $0.high) } + band.reversed().map { ($0.x, $0.low) }
        let corners = edge.map { "\(format(x($0.0))) \(format(inside(y($0.1))))" }
        parts.append("<path class=\"band\" d=\"M\(corners.joined(separator: "L"))Z\"/>")
      }
      parts.append("<path d=\"M\(places.joined(separator: "L"))\"/>")
      if hasDots || points.count == 1 {
        for point in points {
          parts.append(
            "<circle cx=\"\(format(x(point.x)))\" cy=\"\(format(inside(y(point.y))))\" r=\"3\"/>")
        }
      }
      parts.append("</g>")
    }
    return parts.joined(separator: "\n") + "\n</svg>\n"
  }

  private func text(
    _ x: Double, _ y: Double, _ anchor: String, _ text: String, style: String = "label"
  ) -> String {
    "<text class=\"\(style)\" x=\"\(format(x))\" y=\"\(format(y))\" text-anchor=\"\(anchor)\">"
      + "\(HTML.escaped(text))</text>"
  }

  private func format(_ value: Double) -> String { String(format: "%.1f", value) }
}
