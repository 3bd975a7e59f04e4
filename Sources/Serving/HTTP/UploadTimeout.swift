import Synchronization

/// The time limits of an upload: in all, and without progress. Time during which the machine sleeps
/// does not count.
final class UploadTimeout: Sendable {
  private let limits: ServiceLimits
  private let start = SuspendingClock.now
  private let last = Mutex(SuspendingClock.now)

  init(_ limits: ServiceLimits) { self.limits = limits }

  /// Notes that data has arrived.
  func received() { last.withLock { $0 = .now } }

  /// Waits until a limit has been exceeded, and returns the problem.
  func expiry() async throws -> Problem {
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
          "no data of the upload arrived for \(Int(limits.secondsOfSilence)) s")
      }
      try await Task.sleep(until: min(end, silence), clock: .suspending)
    }
  }
}
