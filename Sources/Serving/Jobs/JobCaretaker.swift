import Files
import Foundation
import Logging
import ServiceLifecycle

/// Requeues the jobs of dead workers and removes what exceeds the retention limits.
struct JobCaretaker: Service {
  let store: JobStore
  let logger: Logger
  /// The time without a sign of life after which a worker counts as dead, in seconds.
  let lease: Double

  private static let pause = 1.0
  /// The number of rounds between two removals, and between two sweeps.
  private static let removal = 5
  private static let sweep = 60

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var (leases, time) = (LeaseWatch(lease: lease), TrustedTime())
      var count = 0
      while !Task.isCancelled {
        do {
          try await store.reclaim(leases.silent(among: store.running()))
          if count % Self.removal == 0 {
            try await store.removeExcess()
            if time.trusts(try await store.time()) { try await store.removeExpired() }
            try await store.forgetRemovals()
          }
          if count % Self.sweep == 0 { try await sweep() }
        } catch is CancellationError {
          return
        } catch {
          logger.error("maintenance of the queue failed: \(oneLine("\(error)"))")
          try? await Task.sleep(for: .seconds(4))
        }
        count += 1
        try? await Task.sleep(for: .seconds(Self.pause))
      }
    }
  }

  /// Removes what killed processes have left behind.
  private func sweep() async throws {
    let pictures = store.database.pictures
    try await BlockingWork.run {
      TemporaryFolder.removeLeftOver()
      if let scratch = pictures.scratch { TemporaryFolder.removeLeftOver(in: scratch) }
    }
    try await pictures.sweep(store.database)
  }
}
