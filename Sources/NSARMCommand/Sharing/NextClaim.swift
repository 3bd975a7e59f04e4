import ArgumentParser
import Files
import Terminal

extension WorkShare {
  /// The next unit; nil once the work of all units has ended.
  /// - Throws: `FileError`; `ExitCode` after Ctrl-C, which is told.
  func next(_ progress: ProgressDisplay) throws -> Claim? {
    do {
      return try next { Interruption.isRequested }
    } catch is CancellationError {
      progress.clear()
      note("stopped; the others go on")
      throw ExitCode(Interruption.status)
    }
  }
}
