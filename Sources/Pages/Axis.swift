import Foundation

/// Values along a side of a plot.
package struct Axis {
  private let low, high: Double
  private let from, to: Double
  /// Round values within the range.
  package let ticks: [Double]
  private let decimals: Int

  /// - Parameters:
  ///   - values: at least one, of less than 10¹².
  ///   - from: the start of the axis in the plot; `to` is its end.
  ///   - endsAtTicks: whether the axis extends to the nearest ticks.
  package init(_ values: [Double], from: Double, to: Double, endsAtTicks: Bool = false) {
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

  package func callAsFunction(_ value: Double) -> Double {
    from + (value - low) / (high - low) * (to - from)
  }

  /// A tick's value in as many digits as tell it from the others; very small and very large ones
  /// with an exponent, so that labels stay short.
  package func label(_ value: Double) -> String {
    let size = max(abs(low), abs(high))
    guard decimals <= 5, size < 1e7 else { return String(format: "%.3g", value) }
    return String(format: "%.\(decimals)f", value)
  }

  /// 1, 2 or 5 times a power of ten, not smaller than `step`.
  private static func roundStep(_ step: Double) -> Double {
    let power = pow(10, floor(log10(step)))
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= step * (1 - 1e-9) }!
  }
}
