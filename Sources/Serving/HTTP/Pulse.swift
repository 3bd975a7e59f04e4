import Synchronization

/// Watches that an upload goes on, and ends. While the machine sleeps, nothing counts.
final class Pulse: Sendable {
  private let limits: ServiceLimits
  private let start = SuspendingClock.now
  private let last = Mutex(SuspendingClock.now)

  init(_ limits: ServiceLimits) { self.limits = limits }

  /// Something has come.
  func beat() { last.withLock { $0 = .now } }

  /// Waits until it has taken too long, and tells what.
  func end() async throws -> Problem {
    while true {
      let end = start + .seconds(limits.secondsPerUpload)
      let silence = last.withLock { $0 } + .seconds(limits.secondsOfSilence)
      if .now >= end {
        return Problem(
          .requestTimeout, "too_slow",
          "the upload took longer than \(Int(limits.secondsPerUpload)) s")
      }
      if .now >= silence {
        return Problem(
          .requestTimeout, "too_slow",
          "nothing of the upload came for \(Int(limits.secondsOfSilence)) s")
      }
      try await Task.sleep(until: min(end, silence), clock: .suspending)
    }
  }
}
