import Foundation

/// What the thread that restores and the task that tells the database about it share: how far the
/// work is in one direction, that it has to end in the other.
final class WorkProgress: @unchecked Sendable {
  private let lock = NSLock()
  private var progress = Job.Progress()
  private var preview: Data?
  private var hasChanged = false
  private var end: (any Error)?

  /// Called by the work.
  /// - Throws: what `stop` was called with.
  func update(_ change: (inout Job.Progress) -> Void) throws {
    try lock.withLock {
      if let end { throw end }
      change(&progress)
      hasChanged = true
    }
  }

  func show(_ preview: Data) {
    lock.withLock {
      self.preview = preview
      hasChanged = true
    }
  }

  /// What is new since the last call.
  func news() -> (progress: Job.Progress?, preview: Data?) {
    lock.withLock {
      defer { (preview, hasChanged) = (nil, false) }
      return (hasChanged ? progress : nil, preview)
    }
  }

  /// Lets the work end with an error, the first of them.
  func stop(_ error: any Error) { lock.withLock { end = end ?? error } }
}
