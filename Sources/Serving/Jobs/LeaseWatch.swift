import Foundation

/// Sees which workers have fallen silent.
///
/// A worker that has a job raises its `beat` at least every two seconds. Time is counted only while
/// this watch looks, by its own monotonic clock: neither a clock that is set, nor a machine or a
/// process that sleeps, makes a living worker look dead.
struct LeaseWatch {
  /// How long a worker may be silent before others take its job, in seconds.
  let lease: Double

  private struct Silence {
    var worker: String
    var beat: Int
    var seconds = 0.0
  }

  private var silences: [UUID: Silence] = [:]
  private var last: SuspendingClock.Instant?

  init(lease: Double) { self.lease = lease }

  /// What is known of a running job.
  struct Beat: Sendable {
    var job: UUID
    var worker: String
    var beat: Int
  }

  /// - Parameter running: all jobs that are being restored as of now.
  /// - Returns: those whose workers have been silent for the lease.
  mutating func look(at running: [Beat], now: SuspendingClock.Instant = .now) -> [Beat] {
    let elapsed = last.map { (now - $0) / .seconds(1) } ?? 0
    last = now
    // A long while between two looks: this process did not run, and others may not have either.
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
