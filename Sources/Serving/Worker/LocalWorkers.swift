import Synchronization

/// The number of workers in this process, which is known without the database and its clock.
final class LocalWorkers: Sendable {
  private let number = Mutex(0)

  var count: Int { number.withLock { $0 } }

  func arrive() { number.withLock { $0 += 1 } }
  func leave() { number.withLock { $0 -= 1 } }
}
