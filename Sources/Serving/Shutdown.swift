import Foundation
import Synchronization

/// The state of the service's shutdown. Event streams, workers and uploads observe it, since the
/// server waits for them.
public final class Shutdown: Sendable {
  private struct State {
    var hasBegun = false
    var actions: [UUID: @Sendable () -> Void] = [:]
  }

  private let state = Mutex(State())

  init() {}

  public func begin() {
    let actions = state.withLock { state in
      state.hasBegun = true
      defer { state.actions = [:] }
      return Array(state.actions.values)
    }
    for action in actions { action() }
  }

  var hasBegun: Bool { state.withLock { $0.hasBegun } }

  /// Runs `body`, and calls `action` when the shutdown begins meanwhile.
  func watched<Value>(
    isolation: isolated (any Actor)? = #isolation, _ action: @escaping @Sendable () -> Void,
    _ body: () async throws -> Value
  ) async rethrows -> Value {
    let id = UUID()
    let hasBegun = state.withLock { state in
      if !state.hasBegun { state.actions[id] = action }
      return state.hasBegun
    }
    if hasBegun { action() }
    defer { state.withLock { $0.actions[id] = nil } }
    return try await body()
  }
}
