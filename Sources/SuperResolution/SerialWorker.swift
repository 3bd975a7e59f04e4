import Dispatch
import Foundation
import NSARM
import Synchronization
import Torch

/// A thread of its own that does one piece of work after the other. libtorch keeps state per thread
/// (whether gradients are wanted, autocast, OpenMP's helpers), so that work which comes from
/// Swift's concurrency must not wander between threads; and it would block one of the few that all
/// tasks share.
///
/// Where the process ends meanwhile, work stops at its next event, and the process waits for it.
package final class SerialWorker: Sendable {
  private let queue = WorkQueue()

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

  /// The result of `work`.
  package func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws
    -> Value
  {
    for try await value in stream({ send in try send(work()) }) { return value }
    throw CancellationError()
  }
}

/// Whether the events still have a listener.
private final class Listener: Sendable {
  private let isGone = Atomic(false)

  func leave() { isGone.store(true, ordering: .relaxed) }

  func check() throws {
    if isGone.load(ordering: .relaxed) || WorkEnd.hasBegun { throw CancellationError() }
    WorkEnd.prepare()
  }
}

/// Pieces of work and the thread that does them, which begins with the first one.
private final class WorkQueue: Sendable {
  private struct State {
    var pieces: [@Sendable () -> Void] = []
    var isRunning = false
  }
  private let state = Mutex(State())
  /// Counts the pieces that have been added, and the close.
  private let added = DispatchSemaphore(value: 0)

  func add(_ piece: @escaping @Sendable () -> Void) {
    let isFirst = state.withLock { state in
      state.pieces.append(piece)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if isFirst { start() }
    added.signal()
  }

  /// Ends the thread after the pieces that have been added.
  func close() { added.signal() }

  /// Waits for the pieces that have been added.
  func wait(until limit: DispatchTime) {
    let isIdle = DispatchSemaphore(value: 0)
    add { isIdle.signal() }
    _ = isIdle.wait(timeout: limit)
  }

  private func start() {
    let thread = Thread { [self] in
      WorkEnd.insert(self)
      defer { WorkEnd.remove(self) }
      while let next = next() { next() }
    }
    thread.name = "nsarm"
    thread.stackSize = 8 << 20
    thread.start()
  }

  private func next() -> (@Sendable () -> Void)? {
    added.wait()
    return state.withLock { state in
      guard !state.pieces.isEmpty else {
        state.isRunning = false
        return nil
      }
      return state.pieces.removeFirst()
    }
  }
}

/// The end of all work before the process ends, since libtorch's tables are destroyed then, under
/// whatever still uses them.
private enum WorkEnd {
  private static let running = Mutex<[WorkQueue]>([])
  private static let begun = Atomic(false)
  /// A large model takes seconds from event to event; work that waits for the thread that ends the
  /// process would never end.
  private static let longest = DispatchTimeInterval.seconds(60)
  private static let key = "nsarm.WorkEnd"

  static var hasBegun: Bool { begun.load(ordering: .relaxed) }

  static func insert(_ queue: WorkQueue) {
    Thread.current.threadDictionary[key] = true
    running.withLock { $0.append(queue) }
  }

  static func remove(_ queue: WorkQueue) { running.withLock { $0.removeAll { $0 === queue } } }

  /// Registers the end. Handlers are called in reverse order of their registration, and destructors
  /// of what operators make on their way among them, so that it is registered again whenever the
  /// number of events has doubled.
  static func prepare() {
    _ = libraryIsLoaded
    let count = events.wrappingAdd(1, ordering: .relaxed).newValue
    if count & (count - 1) == 0 { atexit { WorkEnd.begin() } }
  }

  private static let events = Atomic(0)
  private static let libraryIsLoaded: Bool = (try? TorchRuntime.load()) != nil

  private static func begin() {
    guard !begun.exchange(true, ordering: .relaxed) else { return }
    // Work that ends the process itself cannot be waited for.
    guard Thread.current.threadDictionary[key] == nil else { return }
    let limit = DispatchTime.now() + longest
    for queue in running.withLock({ $0 }) { queue.wait(until: limit) }
  }
}
