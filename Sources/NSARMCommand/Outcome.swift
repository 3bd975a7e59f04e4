import Foundation
import Synchronization

/// The outcome of asynchronous work, for which the main thread waits.
///
/// Commands run on the main thread, without Swift's concurrency: there a signal ends a wait for
/// standard input, and an outcome wakes it even while all threads of the tasks are busy.
final class Outcome<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let done = DispatchSemaphore(value: 0)

  /// Ends the wait. Only the first outcome counts.
  func finish(_ value: Value) {
    self.value.withLock { $0 = $0 ?? value }
    done.signal()
  }

  /// The outcome. Called once.
  func wait() -> Value {
    done.wait()
    return value.withLock { $0! }
  }
}
