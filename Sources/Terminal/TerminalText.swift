import Foundation

/// Text that fits into a line of a terminal.
public enum TerminalText {
  /// The width of the terminal on standard error at this moment: what it says itself, else what the
  /// environment says in `COLUMNS`, else 80.
  public static var columns: Int {
    var size = winsize()
    let request = UInt(TIOCGWINSZ)
    if ioctl(2, request, &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    let told = ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) }
    return told.flatMap { $0 > 0 ? $0 : nil } ?? 80
  }

  /// The text, with "…" in place of its middle where it is wider than `columns`: it begins with
  /// what is going on and ends with how long it will take.
  public static func shortened(_ text: String, columns: Int) -> String {
    let widths = text.map(width)
    var total = widths.reduce(0, +)
    guard total > columns else { return text }
    guard columns > 1 else { return columns == 1 ? "…" : "" }
    // Two thirds of what stays are at the begin.
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

  /// Columns that a character takes: two where it is wide by Unicode's Standard Annex 11 or a
  /// picture, none where it only changes others.
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

  /// Scripts whose characters are wide, in ascending order.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
    0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18CFF,
    0x1B000...0x1B2FF, 0x20000...0x3FFFD,
  ]
}
