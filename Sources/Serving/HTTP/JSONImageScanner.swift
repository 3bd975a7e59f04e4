/// Extracts the string "image" from a JSON object as it arrives, since it may be long. The rest of
/// the object is short and kept.
struct JSONImageScanner {
  enum Malformed: Error { case tooLong, twoImages, escape }

  /// The object with an empty string for "image".
  private(set) var rest: [UInt8] = []
  /// Whether the object had such a string.
  private(set) var hasImage = false

  static let maximumRestBytes = 1 << 16

  /// The position in the document.
  private var depth = 0
  private var isObject = false
  /// In the outermost object: whether a name is next rather than a value.
  private var isName = true
  private var name: [UInt8] = []
  private enum Text { case none, name, other, image }
  private var text = Text.none
  private var isEscaped = false
  /// The digits so far of an escape such as `\u0041`, which has four.
  private var escape: (value: UInt32, digits: Int)?

  /// - Parameter image: receives the characters of the picture.
  /// - Throws: `Malformed`, or the error of `image`.
  mutating func scan(
    _ bytes: UnsafeRawBufferPointer, _ image: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var place = 0
    while place < bytes.count {
      if text == .image {
        place = try scanImage(bytes, from: place, image)
      } else {
        try keep(bytes[place])
        place += 1
      }
    }
  }

  private mutating func scanImage(
    _ bytes: UnsafeRawBufferPointer, from start: Int,
    _ image: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> Int {
    func pass(_ byte: UInt8) throws { try withUnsafeBytes(of: byte) { try image($0) } }
    let byte = bytes[start]
    if let (value, digits) = escape {
      guard let digit = UInt32(String(UnicodeScalar(byte)), radix: 16) else {
        throw Malformed.escape
      }
      escape = (value << 4 | digit, digits + 1)
      if digits == 3 {
        escape = nil
        // Base64 has ASCII characters only.
        try pass(UInt8(exactly: value << 4 | digit) ?? 0)
      }
      return start + 1
    }
    if isEscaped {
      isEscaped = false
      switch byte {
      case UInt8(ascii: "u"): escape = (0, 0)
      case UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "\""): try pass(byte)
      default: try pass(0)  // a line break, for example
      }
      return start + 1
    }
    if byte == UInt8(ascii: "\\") {
      isEscaped = true
      return start + 1
    }
    if byte == UInt8(ascii: "\"") {
      text = .none
      rest.append(byte)
      return start + 1
    }
    let end =
      bytes[start...].firstIndex { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
      ?? bytes.count
    try image(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    return end
  }

  private mutating func keep(_ byte: UInt8) throws {
    guard rest.count < Self.maximumRestBytes else { throw Malformed.tooLong }
    rest.append(byte)
    guard text == .none else {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        text = .none
        return
      }
      if text == .name { name.append(byte) }
      return
    }
    switch byte {
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      if depth == 0 { isObject = byte == UInt8(ascii: "{") }
      depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
    case UInt8(ascii: ":") where depth == 1: isName = false
    case UInt8(ascii: ",") where depth == 1: isName = true
    case UInt8(ascii: "\""):
      guard depth == 1, isObject else {
        text = .other
        return
      }
      if isName {
        (text, name) = (.name, [])
      } else if name.elementsEqual("image".utf8) {
        guard !hasImage else { throw Malformed.twoImages }
        (text, hasImage) = (.image, true)
      } else {
        text = .other
      }
    default: break
    }
  }
}
