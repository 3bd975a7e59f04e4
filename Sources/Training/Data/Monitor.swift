import Foundation

/// State that several threads share: one at a time uses it, and others wait for it to change.
final class Monitor<State: Sendable>: Sendable {
  private let condition = NSCondition()
  /// Used under `condition` alone.
  nonisolated(unsafe) private var state: State

  init(_ state: State) { self.state = state }

  /// Runs `body` with exclusive access.
  func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    try condition.withLock {
      defer { condition.broadcast() }
      return try body(&state)
    }
  }

  /// Waits until `predicate` holds, then runs `body` with exclusive access.
  func wait<Result>(
    until predicate: (State) -> Bool, _ body: (inout State) throws -> Result
  ) rethrows -> Result {
    try condition.withLock {
      while !predicate(state) { condition.wait() }
      defer { condition.broadcast() }
      return try body(&state)
    }
  }

  /// Waits until `predicate` holds, then runs `body` with exclusive access; nil where it does not
  /// hold within `seconds`.
  func wait<Result>(
    for seconds: Double, until predicate: (State) -> Bool,
    _ body: (inout State) throws -> Result
  ) rethrows -> Result? {
    let deadline = Date(timeIntervalSinceNow: seconds)
    return try condition.withLock {
      while !predicate(state) {
        guard condition.wait(until: deadline) else { return nil }
      }
      defer { condition.broadcast() }
      return try body(&state)
    }
  }
}
