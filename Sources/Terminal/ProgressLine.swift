import Foundation

/// Progress on standard error: a line that is rewritten in place on a terminal, otherwise a new
/// line from time to time.
public final class ProgressLine {
  private let isTerminal = isatty(2) == 1
  private let isSilent: Bool
  private let pause: Double
  private var lastShown: Date
  private var isShown = false

  /// - Parameters:
  ///   - isSilent: whether nothing is written.
  ///   - pause: seconds between lines if standard error is not a terminal.
  ///   - waits: whether the first line comes after a pause, so that short work shows nothing.
  public init(isSilent: Bool = false, pause: Double = 30, waits: Bool = false) {
    self.isSilent = isSilent
    self.pause = pause
    lastShown = waits ? Date() : .distantPast
  }

  /// Shows `text()` if an update is due.
  public func update(force: Bool = false, _ text: () -> String) {
    let now = Date()
    guard force || now.timeIntervalSince(lastShown) >= (isTerminal ? 0.3 : pause) else { return }
    lastShown = now
    if isTerminal {
      // The cursor must not move past the last column, which would wrap the line.
      write("\r\u{1B}[K" + TerminalText.shortened(text(), columns: TerminalText.columns - 1))
      isShown = true
    } else {
      write(text() + "\n")
    }
  }

  /// Prints a permanent line in place of the progress.
  public func message(_ text: String) {
    clear()
    write(text + "\n")
  }

  /// Removes the progress from a terminal.
  public func clear() {
    if isShown { write("\r\u{1B}[K") }
    isShown = false
  }

  private func write(_ text: String) {
    guard !isSilent else { return }
    StandardError.write(text)
  }

  /// 192.3 → "3 min 12 s".
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, abs(seconds) < 1e15 else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    return whole < 3600
      ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }

  /// A bar of `width` characters between its delimiters.
  ///
  /// - Parameters:
  ///   - fraction: the share to fill; clamped to 0...1.
  ///   - width: nil: 24, or fewer if the terminal is narrow, so that text fits beside it.
  public static func bar(_ fraction: Double, width: Int? = nil) -> String {
    let width = width ?? min(24, max(4, TerminalText.columns / 3 - 2))
    let filled = Int(min(max(fraction, 0), 1) * Double(width))
    return "[" + String(repeating: "=", count: filled)
      + String(repeating: " ", count: width - filled) + "]"
  }
}
