import Terminal

/// The progress of reading, hashing and writing, measured in bytes; Ctrl-C ends the work.
final class ByteProgress {
  private let display: ProgressDisplay
  private let total: Double
  private var done = 0.0

  init(_ name: String, bytes: Int) {
    display = ProgressDisplay(name)
    total = Double(max(bytes, 1))
  }

  /// The work that is being done now.
  var name: String {
    get { display.name }
    set { display.name = newValue }
  }

  /// - Throws: `CancellationError` after Ctrl-C.
  func add(_ bytes: Int) throws {
    if Interruption.isRequested { throw CancellationError() }
    done += Double(bytes)
    display.update(min(1, done / total))
  }

  func clear() { display.clear() }
}
