import Foundation

/// Whether the service is ending: streams of events, workers and uploads are told before the server
/// waits for them.
public final class Shutdown: @unchecked Sendable {
  private let lock = NSLock()
  private var began = false
  private var actions: [UUID: @Sendable () -> Void] = [:]

  init() {}

  public func begin() {
    let actions = lock.withLock {
      began = true
      defer { self.actions = [:] }
      return self.actions.values.map { $0 }
    }
    for action in actions { action() }
  }

  var hasBegun: Bool { lock.withLock { began } }

  /// Runs `body`, and `action` as soon as the service ends meanwhile.
  func watched<Value>(
    isolation: isolated (any Actor)? = #isolation, _ action: @escaping @Sendable () -> Void,
    _ body: () async throws -> Value
  ) async rethrows -> Value {
    let id = UUID()
    let isOver = lock.withLock {
      if !began { actions[id] = action }
      return began
    }
    if isOver { action() }
    defer { lock.withLock { actions[id] = nil } }
    return try await body()
  }
}
