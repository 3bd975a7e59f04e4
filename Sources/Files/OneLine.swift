/// A foreign text, such as a server's or a library's message, on one line and shortened to `limit`
/// characters.
public func oneLine(_ text: String, limit: Int = 300) -> String {
  let words = text.unicodeScalars.split { $0.properties.isWhitespace || $0.value < 0x20 }
    .map(String.init).joined(separator: " ")
  return words.count <= limit ? words : words.prefix(limit) + "..."
}
