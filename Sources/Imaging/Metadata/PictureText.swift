/// A text in a picture file: a PNG chunk, or a comment of JPEG or GIF (keyword "Comment").
public struct PictureText: Equatable, Sendable {
  /// 1 to 79 characters of Latin-1, such as "Copyright".
  public var keyword: String
  public var text: String

  public init(keyword: String = Self.comment, text: String) {
    self.keyword = keyword
    self.text = text
  }

  public static let comment = "Comment"

  /// The keywords of the texts, each once, in quotation marks; if there are many, the first ones.
  static func keywords(_ texts: [PictureText]) -> String {
    let keywords = Set(texts.map(\.keyword)).sorted()
    let first = keywords.prefix(6).map { String($0.prefix(40)).debugDescription }
    let more = keywords.count > 6 ? " and \(keywords.count - 6) more" : ""
    return first.joined(separator: ", ") + more
  }

  /// The text of bytes in UTF-8, or in Latin-1 if they are not valid UTF-8.
  static func decode(_ bytes: some Collection<UInt8>) -> String {
    String(validating: bytes, as: UTF8.self) ?? latin1(bytes)
  }

  static func latin1(_ bytes: some Sequence<UInt8>) -> String {
    String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
  }

  /// The text in Latin-1; nil if it has other characters.
  static func latin1(_ text: String) -> [UInt8]? {
    let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
    return bytes.count == text.unicodeScalars.count ? bytes : nil
  }
}
