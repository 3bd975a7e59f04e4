import Foundation

/// Whether a clock can be believed: it has kept step with the monotonic one for a while. A clock
/// that somebody sets, for a moment or for good, must not make results look old at once.
struct TrustedTime {
  /// How long the clocks have to agree, in seconds.
  var patience = 600.0
  /// What they may differ by, in seconds.
  private static let tolerance = 60.0

  private var difference: Double?
  private var since: ContinuousClock.Instant?
  private let start = ContinuousClock.now

  init(patience: Double = 600) { self.patience = patience }

  /// - Parameter time: what the clock shows, in seconds.
  /// - Returns: whether it can be believed.
  mutating func believes(_ time: Double, now: ContinuousClock.Instant = .now) -> Bool {
    let difference = time - (now - start) / .seconds(1)
    if let last = self.difference, abs(difference - last) <= Self.tolerance {
      return (now - since!) / .seconds(1) >= patience
    }
    (self.difference, since) = (difference, now)
    return false
  }
}
