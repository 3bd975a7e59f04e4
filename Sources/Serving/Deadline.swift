import Synchronization

/// Thrown when an operation has not finished in time.
struct DeadlinePassed: Error {}

/// The value of `body` if it is available in time; otherwise `body` is abandoned. For operations
/// that may hang and cannot be interrupted, such as a query to a server that has stopped.
///
/// - Throws: `DeadlinePassed`, or the error of `body`.
func within<Value: Sendable>(
  _ time: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let first = FirstAnswer<Value>()
  return try await withCheckedThrowingContinuation { continuation in
    first.set(continuation)
    let work = Task {
      do {
        first.resume(.success(try await body()))
      } catch {
        first.resume(.failure(error))
      }
    }
    Task {
      try await Task.sleep(for: time)
      work.cancel()
      first.resume(.failure(DeadlinePassed()))
    }
  }
}

private final class FirstAnswer<Value: Sendable>: Sendable {
  private let continuation = Mutex<CheckedContinuation<Value, any Error>?>(nil)

  func set(_ value: CheckedContinuation<Value, any Error>) { continuation.withLock { $0 = value } }

  func resume(_ result: Result<Value, any Error>) {
    let waiting = continuation.withLock { waiting in
      defer { waiting = nil }
      return waiting
    }
    waiting?.resume(with: result)
  }
}
