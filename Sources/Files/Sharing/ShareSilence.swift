/// Detects dead workers by their signs of life.
///
/// Silence is measured by this process's monotonic clock, and only between its own looks, so that
/// neither clocks that differ nor a suspended machine or process make a living worker look dead.
struct ShareSilence {
  /// The seconds without a sign of life after which a worker counts as dead.
  let lease: Double

  private struct Silence {
    var beat: Int?
    var seconds = 0.0
  }

  private var silences: [ShareWorker: Silence] = [:]
  private var last: SuspendingClock.Instant?

  init(lease: Double) { self.lease = lease }

  /// - Parameter beats: the last signs of life of the workers that have work now.
  /// - Returns: those that have been silent for the lease.
  mutating func silent(_ beats: [ShareWorker: Int?], now: SuspendingClock.Instant = .now)
    -> Set<ShareWorker>
  {
    let elapsed = last.map { (now - $0) / .seconds(1) } ?? 0
    last = now
    // If much time has passed since the last look, this process was suspended, and others may have
    // been as well.
    let counted = min(elapsed, lease / 3)
    var next: [ShareWorker: Silence] = [:]
    for (worker, beat) in beats {
      var silence = Silence(beat: beat)
      if let before = silences[worker], before.beat == beat {
        silence.seconds = before.seconds + counted
      }
      next[worker] = silence
    }
    silences = next
    return Set(next.filter { $0.value.seconds >= lease }.keys)
  }
}
