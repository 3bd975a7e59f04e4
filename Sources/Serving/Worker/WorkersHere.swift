import Synchronization

/// How many workers this process has: it knows of them without the database and its clock.
final class WorkersHere: Sendable {
  private let number = Mutex(0)

  var count: Int { number.withLock { $0 } }

  func arrive() { number.withLock { $0 += 1 } }
  func leave() { number.withLock { $0 -= 1 } }
}
