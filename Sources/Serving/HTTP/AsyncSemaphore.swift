/// Limits how many tasks run an operation that takes much memory and processor time; others wait
/// without blocking a thread.
actor AsyncSemaphore {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  func withPermit<Value: Sendable>(_ body: @Sendable () async throws -> Value) async rethrows
    -> Value
  {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
    defer {
      if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
    return try await body()
  }
}
