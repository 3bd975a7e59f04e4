/// How long work will take yet, judged by its pace since its first progress: what the start took,
/// such as loading a model, says nothing about the rest.
public struct RemainingTime {
  private var start: (fraction: Double, time: ContinuousClock.Instant)?

  public init() {}

  /// - Parameter fraction: the share of the work that is done, never less than before.
  /// - Returns: seconds; nil while too little has been done to tell.
  public mutating func update(_ fraction: Double, at now: ContinuousClock.Instant = .now) -> Double?
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
