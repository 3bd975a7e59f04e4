import Foundation
import Synchronization

/// Wakes tasks that wait for jobs to change: immediately after changes by this process, within half
/// a second after those by other processes. One query serves any number of listeners.
final class ChangeFeed: Sendable {
  private struct Waiter {
    let deadline: SuspendingClock.Instant
    let continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    /// Grows with every change that is noticed.
    var generation = 0
    var waiters: [UUID: Waiter] = [:]
    var isWatching = false
    /// The number of the last change that was noticed; nil before the first query.
    var last: Int?

    /// Notes a change, and returns the waiters to wake.
    mutating func wakeAll() -> [Waiter] {
      generation += 1
      defer { waiters = [:] }
      return Array(waiters.values)
    }

    /// Notes the number of the last change; true if it was not known.
    mutating func note(_ number: Int) -> Bool {
      defer { last = number }
      return number != last
    }
  }

  private let number: @Sendable () async throws -> Int
  private let state = Mutex(State())

  private static let pause = Duration.milliseconds(500)

  /// - Parameter number: queries the number of the last change.
  init(_ number: @escaping @Sendable () async throws -> Int) { self.number = number }

  convenience init(_ database: any Database) {
    self.init { try await JobStore.lastChange(database) }
  }

  /// The current generation, to be read before the jobs are.
  var generation: Int { state.withLock { $0.generation } }

  /// Wakes everyone.
  func notify() { wake(state.withLock { $0.wakeAll() }) }

  /// Notes the number of the last change, and wakes everyone if it was not known.
  func notify(_ number: Int) {
    wake(state.withLock { $0.note(number) ? $0.wakeAll() : [] })
  }

  private func wake(_ waiters: [Waiter]) {
    for waiter in waiters { waiter.continuation.resume() }
  }

  /// Returns when something has changed since `seen`, when the time is over, or when the task is
  /// cancelled.
  func wait(after seen: Int, atMost time: Duration) async {
    let (id, deadline) = (UUID(), SuspendingClock.now + time)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (isOver, startsWatching) = state.withLock { state in
          guard state.generation == seen, !Task.isCancelled else { return (true, false) }
          state.waiters[id] = Waiter(deadline: deadline, continuation: continuation)
          defer { state.isWatching = true }
          return (false, !state.isWatching)
        }
        if isOver { continuation.resume() }
        if startsWatching { Task { await watch() } }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
    }
  }

  /// Polls for changes by other processes while tasks wait.
  private func watch() async {
    while state.withLock({ state in
      state.isWatching = !state.waiters.isEmpty
      return state.isWatching
    }) {
      // Failures of the database are reported where the jobs are read.
      if let number = try? await number() { notify(number) }
      try? await Task.sleep(for: Self.pause)
      wake(
        state.withLock { state in
          let now = SuspendingClock.now
          let late = state.waiters.filter { $0.value.deadline <= now }
          for id in late.keys { state.waiters[id] = nil }
          return Array(late.values)
        })
    }
  }
}
