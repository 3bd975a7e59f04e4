import Foundation

/// Tells who waits for jobs to change: at once where this process has changed them, and within
/// half a second where another one has. Any number of listeners asks the database but once.
final class ChangeFeed: @unchecked Sendable {
  private let number: @Sendable () async throws -> Int
  private let lock = NSLock()
  /// Grows with every change that has been noticed.
  private var generation = 0
  private var waiting:
    [UUID: (deadline: SuspendingClock.Instant, CheckedContinuation<Void, Never>)] = [:]
  private var isWatching = false
  /// The number of the last change as of the last look; nil: nobody has looked yet.
  private var last: Int?

  private static let pause = Duration.milliseconds(500)

  /// - Parameter number: the number of the last change.
  init(_ number: @escaping @Sendable () async throws -> Int) { self.number = number }

  convenience init(_ database: any Database) {
    self.init { try await JobStore.lastChange(database) }
  }

  /// What has been noticed so far; asked for before one looks at the jobs.
  var now: Int { lock.withLock { generation } }

  /// This process has changed something.
  func poke() {
    let continuations = lock.withLock {
      generation += 1
      defer { waiting = [:] }
      return waiting.values.map(\.1)
    }
    for continuation in continuations { continuation.resume() }
  }

  /// Returns when something has changed since `seen`, when the time is over, or when the task is
  /// cancelled.
  func wait(after seen: Int, atMost time: Duration) async {
    let (id, deadline) = (UUID(), SuspendingClock.now + time)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = lock.withLock {
          guard generation == seen, !Task.isCancelled else { return true }
          waiting[id] = (deadline, continuation)
          if !isWatching {
            isWatching = true
            Task { await watch() }
          }
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      lock.withLock { waiting.removeValue(forKey: id) }?.1.resume()
    }
  }

  /// Looks for the changes of other processes while somebody waits.
  private func watch() async {
    while lock.withLock({
      isWatching = !waiting.isEmpty
      return isWatching
    }) {
      // The database's failures are told to those who look at the jobs.
      if let number = try? await number() {
        let isNew = lock.withLock {
          defer { last = number }
          return number != last
        }
        if isNew { poke() }
      }
      try? await Task.sleep(for: Self.pause)
      let late = lock.withLock {
        let now = SuspendingClock.now
        let late = waiting.filter { $0.value.deadline <= now }
        for id in late.keys { waiting[id] = nil }
        return late.values.map(\.1)
      }
      for continuation in late { continuation.resume() }
    }
  }
}
