import Foundation

/// Text that fits into a line of a terminal.
public enum TerminalText {
  /// The current width of the terminal on standard error: as reported by the terminal, else by the
  /// environment variable `COLUMNS`, else 80.
  public static var columns: Int {
    var size = winsize()
    let request = UInt(TIOCGWINSZ)
    if ioctl(2, request, &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    let told = ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }
    return told.flatMap { $0 > 0 ? $0 : nil } ?? 80
  }

  /// The text, with "…" in place of its middle if it is wider than `columns`. The beginning names
  /// the work, the end the remaining time.
  public static func shortened(_ text: String, columns: Int) -> String {
    let widths = text.map(width)
    var total = widths.reduce(0, +)
    guard total > columns else { return text }
    guard columns > 1 else { return columns == 1 ? "…" : "" }
    // Two thirds of the remaining columns are for the beginning.
    let room = columns - 1
    var (head, tail) = (0, text.count)
    total = 0
    while head < text.count, total + widths[head] <= (2 * room + 2) / 3 {
      total += widths[head]
      head += 1
    }
    while tail > head, total + widths[tail - 1] <= room {
      tail -= 1
      total += widths[tail]
    }
    return text.prefix(head) + "…" + text.suffix(text.count - tail)
  }

  /// The number of columns of a character: two if it is wide according to Unicode Standard Annex 11
  /// or an emoji, none if it only modifies others.
  static func width(_ character: Character) -> Int {
    guard let scalar = character.unicodeScalars.first else { return 0 }
    if scalar.isASCII { return scalar.value < 32 || scalar.value == 127 ? 0 : 1 }
    let properties = scalar.properties
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: break
    }
    let isPicture =
      properties.isEmojiPresentation || character.unicodeScalars.contains { $0.value == 0xFE0F }
    return isPicture || wide.contains { $0.contains(scalar.value) } ? 2 : 1
  }

  /// The ranges of wide scripts, in ascending order.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
    0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18CFF,
    0x1B000...0x1B2FF, 0x20000...0x3FFFD,
  ]
}
