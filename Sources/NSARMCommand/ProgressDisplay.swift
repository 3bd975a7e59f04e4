import Foundation

/// Progress of one picture on standard error: a bar on a terminal, otherwise a line about every ten
/// seconds.
final class ProgressDisplay {
  private let name: String
  private let isTerminal = isatty(2) == 1
  private let start = Date()
  private var last = Date()
  private var isShown = false

  init(_ name: String) { self.name = name }

  func update(_ fraction: Double) {
    let now = Date()
    guard now.timeIntervalSince(last) >= (isTerminal ? 0.2 : 10) else { return }
    last = now
    let percent = "\(Int(fraction * 100)) %"
    let elapsed = now.timeIntervalSince(start)
    let rest = fraction > 0.02 ? ", \(Self.duration(elapsed / fraction - elapsed)) left" : ""
    if isTerminal {
      let filled = Int(fraction * 24)
      let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: 24 - filled)
      write("\r\u{1B}[K[\(bar)] \(percent) \(name)\(rest)")
      isShown = true
    } else {
      write("\(name): \(percent)\(rest)\n")
    }
  }

  /// Removes the bar.
  func finish() {
    if isShown { write("\r\u{1B}[K") }
    isShown = false
  }

  static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    return whole < 3600
      ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
