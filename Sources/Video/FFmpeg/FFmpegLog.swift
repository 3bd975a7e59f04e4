import Foundation
import Synchronization

/// The messages of a run of ffmpeg: with `-loglevel level+info` every line has its level in
/// brackets.
final class FFmpegLog: Sendable {
  private struct Messages {
    var errors: [String] = []
    var lastWarning: String?
  }

  private let messages = Mutex(Messages())

  /// Takes a line of standard error.
  func append(_ line: String) {
    if line.contains(#/\[(error|fatal|panic)\]/#) {
      let plain = Self.plain(line)
      messages.withLock {
        if !plain.isEmpty, $0.errors.count < 1000 { $0.errors.append(plain) }
      }
    } else if line.contains("[warning]") {
      messages.withLock { $0.lastWarning = Self.plain(line) }
    }
  }

  /// The last line that reports an error.
  var lastError: String? { messages.withLock { $0.errors.last { !Self.isConsequence($0) } } }

  /// Why the program failed: the last error, else an error that follows from others, else the last
  /// warning.
  /// - Parameter status: the exit status, given where there is no message at all.
  func reason(_ status: Int32) -> String {
    lastError ?? messages.withLock { $0.errors.first ?? $0.lastWarning } ?? "exit status \(status)"
  }

  var errorCount: Int { messages.withLock { $0.errors.count } }

  /// Whether a line reports a full disk.
  var reportsFullDisk: Bool {
    messages.withLock { $0.errors.contains { $0.contains("No space left on device") } }
  }

  /// "[mp4 @ 0x5581] [error] Could not find tag" → "Could not find tag".
  private static func plain(_ line: String) -> String {
    line.replacing(#/^(\[[^\]]*\] *)+/#, with: "")
  }

  /// Whether a message only follows from an earlier one that names the cause.
  private static func isConsequence(_ line: String) -> Bool {
    [
      "Conversion failed", "Could not write header", "Error initializing output stream",
      "Error marking filters", "Error opening output file", "Error reinitializing filters",
      "Error while opening encoder", "Error while processing the decoded data",
      "Failed to inject frame",
      "Nothing was written into output", "Task finished with error", "Terminating thread with",
    ]
    .contains { line.hasPrefix($0) }
      || line.hasPrefix("file:") && line.hasSuffix(": Invalid argument")
  }
}
