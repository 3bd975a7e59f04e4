import Foundation

/// A line plot as SVG, coloured by the page's style sheet.
struct LinePlot {
  struct Line {
    let name: String
    /// The style sheet's class for the line's colour, such as "m0".
    let style: String
    let points: [(x: Double, y: Double)]
  }

  let title, xLabel: String
  let lines: [Line]
  /// Whether to draw a dot at each point, for few points.
  var hasDots = false

  private static let (width, height) = (380.0, 240.0)
  private static let (left, right, top, bottom) = (50.0, 10.0, 28.0, 38.0)

  /// The `svg` element; nil where there is nothing to draw. Infinite values are left out.
  var svg: String? {
    let drawn = lines.map { line in
      (line, line.points.filter { abs($0.x) < 1e12 && abs($0.y) < 1e12 })
    }.filter { !$0.1.isEmpty }
    let all = drawn.flatMap(\.1)
    guard !all.isEmpty else { return nil }
    let x = Axis(all.map(\.x), from: Self.left, to: Self.width - Self.right)
    let y = Axis(
      all.map(\.y), from: Self.height - Self.bottom, to: Self.top, endsAtTicks: true)

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
      let places = points.map { "\(format(x($0.x))) \(format(y($0.y)))" }
      let name = HTML.escaped(line.name)
      parts.append("<g class=\"line \(line.style)\"><title>\(name)</title>")
      parts.append("<path d=\"M\(places.joined(separator: "L"))\"/>")
      if hasDots || points.count == 1 {
        for point in points {
          parts.append(
            "<circle cx=\"\(format(x(point.x)))\" cy=\"\(format(y(point.y)))\" r=\"3\"/>")
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

/// Values along a side of a plot.
struct Axis {
  private let low, high: Double
  private let from, to: Double
  /// Round values within the range.
  let ticks: [Double]
  private let decimals: Int

  /// - Parameters:
  ///   - values: at least one, of less than 10¹².
  ///   - from: the start of the axis in the plot; `to` is its end.
  ///   - endsAtTicks: whether the axis extends to the nearest ticks.
  init(_ values: [Double], from: Double, to: Double, endsAtTicks: Bool = false) {
    let (least, most) = (values.min()!, values.max()!)
    // Values that are equal up to rounding are centred in a small range.
    let size = max(abs(least), abs(most))
    let margin = most - least <= max(1e-6 * size, 1e-9) ? max(size / 100, 0.01) : 0
    let (near, far) = (least - margin, most + margin)
    (self.from, self.to) = (from, to)
    let step = Self.roundStep((far - near) / 5)
    decimals = max(0, -Int(floor(log10(step) + 1e-9)))
    func tick(_ value: Double, _ rule: FloatingPointRoundingRule, _ slack: Double) -> Int {
      Int((value / step + slack).rounded(rule))
    }
    let (first, last) =
      endsAtTicks
      ? (tick(near, .down, 1e-9), tick(far, .up, -1e-9))
      : (tick(near, .up, -1e-9), tick(far, .down, 1e-9))
    ticks = first <= last ? (first...last).map { Double($0) * step } : []
    (low, high) = endsAtTicks ? (ticks.first!, ticks.last!) : (near, far)
  }

  func callAsFunction(_ value: Double) -> Double {
    from + (value - low) / (high - low) * (to - from)
  }

  func label(_ value: Double) -> String { String(format: "%.\(decimals)f", value) }

  /// 1, 2 or 5 times a power of ten, not smaller than `step`.
  private static func roundStep(_ step: Double) -> Double {
    let power = pow(10, floor(log10(step)))
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= step * (1 - 1e-9) }!
  }
}
