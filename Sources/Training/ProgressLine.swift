import Foundation

/// Progress on standard error: a line that is rewritten in place on a terminal, otherwise a line
/// about every 30 seconds.
final class ProgressLine {
  private let isTerminal = isatty(2) == 1
  private let isSilent: Bool
  private var lastShown = Date.distantPast
  private var needsNewline = false

  init(isSilent: Bool = false) { self.isSilent = isSilent }

  /// Shows `text()` when it is time for it.
  func update(force: Bool = false, _ text: () -> String) {
    let now = Date()
    guard force || now.timeIntervalSince(lastShown) >= (isTerminal ? 0.5 : 30) else { return }
    lastShown = now
    if isTerminal {
      write("\r\u{1B}[K" + text())
      needsNewline = true
    } else {
      write(text() + "\n")
    }
  }

  /// A line that stays.
  func message(_ text: String) {
    write((needsNewline ? "\n" : "") + text + "\n")
    needsNewline = false
  }

  private func write(_ text: String) {
    guard !isSilent else { return }
    FileHandle.standardError.write(Data(text.utf8))
  }

  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    let minutes = Int(seconds / 60)
    if minutes >= 60 { return "\(minutes / 60) h \(minutes % 60) min" }
    return minutes > 0 ? "\(minutes) min \(Int(seconds) % 60) s" : "\(Int(seconds)) s"
  }

  static func bar(_ fraction: Double, width: Int = 24) -> String {
    let filled = Int(min(max(fraction, 0), 1) * Double(width))
    return "[" + String(repeating: "=", count: filled)
      + String(repeating: " ", count: width - filled) + "]"
  }
}
