import Foundation

/// Work that has begun on a thread of its own. When the process exits, libtorch's tables are
/// destroyed under whatever still uses them; so the exit ends such work and waits for it.
final class UnfinishedWork: @unchecked Sendable {
  static let shared = UnfinishedWork()

  private let condition = NSCondition()
  private var count = 0
  private var isExiting = false
  private static let key = "nsarm.unfinished"
  /// Seconds that the exit waits at most; work asks several times a second whether it should end.
  private static let patience = 30.0

  // Handlers run in the opposite order, so before what libtorch has registered when it was loaded.
  private init() { atexit { UnfinishedWork.shared.end() } }

  /// Whether work should end.
  var shouldEnd: Bool { condition.withLock { isExiting } }

  /// Does `work`, which the exit waits for; not when the process is exiting already.
  /// - Returns: whether it has been done.
  func perform(_ work: () -> Void) -> Bool {
    let begins = condition.withLock {
      if !isExiting { count += 1 }
      return !isExiting
    }
    guard begins else { return false }
    Thread.current.threadDictionary[Self.key] = true
    work()
    condition.withLock {
      count -= 1
      condition.broadcast()
    }
    return true
  }

  private func end() {
    // Work that exits itself would wait for itself.
    let own = Thread.current.threadDictionary[Self.key] == nil ? 0 : 1
    let limit = Date(timeIntervalSinceNow: Self.patience)
    condition.withLock {
      isExiting = true
      while count > own, condition.wait(until: limit) {}
    }
  }
}
