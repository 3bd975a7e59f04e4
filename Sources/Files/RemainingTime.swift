/// Estimates the remaining time of work from its pace since the first progress, so that the start,
/// such as loading a model, does not count.
package struct RemainingTime {
  private var start: (fraction: Double, time: ContinuousClock.Instant)?

  package init() {}

  /// - Parameter fraction: the share of the work that is done; must not decrease.
  /// - Returns: seconds; nil while too little has been done for an estimate.
  package mutating func update(_ fraction: Double, at now: ContinuousClock.Instant = .now)
    -> Double?
  {
    guard let start, fraction > start.fraction else {
      start = (fraction, now)
      return nil
    }
    let (done, seconds) = (fraction - start.fraction, (now - start.time) / .seconds(1))
    guard done >= 0.02, seconds >= 1 else { return nil }
    return seconds / done * (1 - fraction)
  }
}
