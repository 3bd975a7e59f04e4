import Foundation

/// A thread of its own that does one piece of work after the other. libtorch keeps state per thread
/// (whether gradients are wanted, autocast, OpenMP's helpers), so that work which comes from
/// Swift's concurrency must not wander between threads; and it would block one of the few that all
/// tasks share.
package final class SerialWorker: Sendable {
  private let queue = Queue()

  package init() {}

  deinit { queue.close() }

  /// The events of some work, which begins when what came before is done.
  ///
  /// - Parameter work: hands events to `send`, which throws `CancellationError` as soon as nobody
  ///   listens any more.
  package func stream<Event: Sendable>(
    _ work: @escaping @Sendable (_ send: @escaping (Event) throws -> Void) throws -> Void
  ) -> AsyncThrowingStream<Event, any Error> {
    AsyncThrowingStream { continuation in
      let listener = Listener()
      continuation.onTermination = { _ in listener.leave() }
      queue.add {
        do {
          try listener.check()
          try work { event in
            try listener.check()
            continuation.yield(event)
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
    }
  }

  /// What `work` returns.
  package func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws
    -> Value
  {
    for try await value in stream({ send in try send(work()) }) { return value }
    throw CancellationError()
  }

  /// Returns when all that was added before has ended, in a task that is cancelled, too.
  package func waitUntilIdle() async {
    await withCheckedContinuation { continuation in queue.add { continuation.resume() } }
  }

  /// Whether somebody waits for the events.
  private final class Listener: @unchecked Sendable {
    private let lock = NSLock()
    private var isGone = false

    func leave() { lock.withLock { isGone = true } }
    func check() throws { if lock.withLock({ isGone }) { throw CancellationError() } }
  }

  /// What is to be done, and the thread that does it, which begins with the first piece.
  private final class Queue: @unchecked Sendable {
    private let condition = NSCondition()
    private var pieces: [@Sendable () -> Void] = []
    private var isRunning = false
    private var isClosed = false

    func add(_ piece: @escaping @Sendable () -> Void) {
      condition.withLock {
        pieces.append(piece)
        if !isRunning {
          isRunning = true
          let thread = Thread { [self] in while let next = next() { next() } }
          thread.name = "nsarm"
          thread.stackSize = 8 << 20
          thread.start()
        }
        condition.signal()
      }
    }

    /// What has been added is still done.
    func close() {
      condition.withLock {
        isClosed = true
        condition.signal()
      }
    }

    private func next() -> (@Sendable () -> Void)? {
      condition.withLock {
        while pieces.isEmpty, !isClosed { condition.wait() }
        return pieces.isEmpty ? nil : pieces.removeFirst()
      }
    }
  }
}
