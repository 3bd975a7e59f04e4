/// Where a page of restorations begins, as clients hand it back.
struct JobCursor {
  /// That of the page's predecessor, the oldest that has been seen.
  let number: Int

  init(_ number: Int) { self.number = number }

  /// - Returns: nil for what is no cursor.
  init?(_ text: String) {
    guard text.hasPrefix("n"), let number = Int(text.dropFirst(), radix: 36), number > 0 else {
      return nil
    }
    self.number = number
  }

  var text: String { "n" + String(number, radix: 36) }
}
