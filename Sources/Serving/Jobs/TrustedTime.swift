import Foundation

/// Decides whether a wall clock can be trusted: it can once it has kept pace with the monotonic
/// clock for a while. A clock that is changed, briefly or for good, must not make results expire at
/// once.
struct TrustedTime {
  /// The time for which the clocks have to agree, in seconds.
  var period = 600.0
  /// The largest difference between the clocks, in seconds.
  private static let tolerance = 60.0

  private var difference: Double?
  private var since: ContinuousClock.Instant?
  private let start = ContinuousClock.now

  init(period: Double = 600) { self.period = period }

  /// - Parameter time: the wall clock, in seconds.
  /// - Returns: whether it can be trusted.
  mutating func trusts(_ time: Double, now: ContinuousClock.Instant = .now) -> Bool {
    let difference = time - (now - start) / .seconds(1)
    if let last = self.difference, abs(difference - last) <= Self.tolerance {
      return (now - since!) / .seconds(1) >= period
    }
    (self.difference, since) = (difference, now)
    return false
  }
}
