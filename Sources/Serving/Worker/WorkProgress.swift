import Foundation
import Synchronization

/// The state shared by the thread that restores and the task that reports to the database: progress
/// in one direction, interruptions in the other.
final class WorkProgress: Sendable {
  private struct State {
    var progress = Job.Progress()
    var preview: Data?
    var hasChanged = false
    var end: (any Error)?
  }

  private let state = Mutex(State())

  /// Updates the progress; called by the work.
  /// - Throws: the error that `stop` was called with.
  func update(_ change: (inout Job.Progress) -> Void) throws {
    try state.withLock { state in
      if let end = state.end { throw end }
      change(&state.progress)
      state.hasChanged = true
    }
  }

  func show(_ preview: Data) {
    state.withLock { state in
      state.preview = preview
      state.hasChanged = true
    }
  }

  /// The updates since the last call.
  func news() -> (progress: Job.Progress?, preview: Data?) {
    state.withLock { state in
      defer { (state.preview, state.hasChanged) = (nil, false) }
      return (state.hasChanged ? state.progress : nil, state.preview)
    }
  }

  /// Makes the work end with an error; later calls have no effect.
  func stop(_ error: any Error) { state.withLock { $0.end = $0.end ?? error } }
}
