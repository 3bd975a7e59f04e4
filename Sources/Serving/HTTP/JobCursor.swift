/// The cursor of a page of restorations.
struct JobCursor {
  /// The number of the oldest job of the previous page.
  let number: Int

  init(_ number: Int) { self.number = number }

  /// - Returns: nil if the text is not a cursor.
  init?(_ text: String) {
    guard text.hasPrefix("n"), let number = Int(text.dropFirst(), radix: 36), number > 0 else {
      return nil
    }
    self.number = number
  }

  var text: String { "n" + String(number, radix: 36) }
}
