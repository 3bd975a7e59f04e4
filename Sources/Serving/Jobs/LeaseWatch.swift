import Foundation

/// Detects dead workers.
///
/// A worker increments its job's `beat` at least every two seconds. Silence is measured by this
/// process's monotonic clock, and only between its own rounds, so that neither a changed clock nor
/// a suspended machine or process makes a living worker look dead.
struct LeaseWatch {
  /// The time without a heartbeat after which a worker counts as dead, in seconds.
  let lease: Double

  private struct Silence {
    var worker: String
    var beat: Int
    var seconds = 0.0
  }

  private var silences: [UUID: Silence] = [:]
  private var last: SuspendingClock.Instant?

  init(lease: Double) { self.lease = lease }

  /// The heartbeat of a running job.
  struct Beat: Sendable {
    var job: UUID
    var worker: String
    var beat: Int
  }

  /// - Parameter running: all jobs that are running now.
  /// - Returns: the jobs whose workers have been silent for the lease.
  mutating func silent(among running: [Beat], now: SuspendingClock.Instant = .now) -> [Beat] {
    let elapsed = last.map { (now - $0) / .seconds(1) } ?? 0
    last = now
    // If much time has passed since the last round, this process was suspended, and others may have
    // been as well.
    let counted = min(elapsed, lease / 3)
    var next: [UUID: Silence] = [:]
    for beat in running {
      var silence = silences[beat.job] ?? Silence(worker: beat.worker, beat: beat.beat)
      if silence.worker == beat.worker, silence.beat == beat.beat, silences[beat.job] != nil {
        silence.seconds += counted
      } else {
        silence = Silence(worker: beat.worker, beat: beat.beat)
      }
      next[beat.job] = silence
    }
    silences = next
    return running.filter { next[$0.job]!.seconds >= lease }
  }
}
