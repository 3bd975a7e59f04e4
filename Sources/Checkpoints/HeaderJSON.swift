/// The JSON that headers of weight files hold. Stricter than a general reader: names may not
/// repeat, nesting is bounded, and only integers that fit `Int` count as numbers.
indirect enum HeaderJSON {
  case object([(name: String, value: HeaderJSON)])
  case array([HeaderJSON])
  case string(String)
  case integer(Int)
  /// A fraction, an integer out of range, true, false or null, as written.
  case other(String)

  struct SyntaxError: Error { let reason: String }

  /// The name of this kind of value in messages.
  var kind: String {
    switch self {
    case .object: "an object"
    case .array: "a list"
    case .string(let text): "the text \(quoted(text))"
    case .integer(let value): "\(value)"
    case .other(let text): text
    }
  }

  /// Parses `text` whole; white space may follow the value.
  /// - Throws: `SyntaxError` with the offset of the first byte that does not fit.
  init(parsing text: UnsafeRawBufferPointer) throws {
    var parser = Parser(text: text)
    self = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == text.count else {
      throw parser.error("text after the end of the JSON")
    }
  }

  /// The entries of an object, or nil.
  var entries: [(name: String, value: HeaderJSON)]? {
    if case .object(let entries) = self { entries } else { nil }
  }

  /// The elements of a list of integers that are not negative, or nil.
  var sizes: [Int]? {
    guard case .array(let elements) = self else { return nil }
    var sizes: [Int] = []
    for case .integer(let size) in elements where size >= 0 { sizes.append(size) }
    return sizes.count == elements.count ? sizes : nil
  }
}

private struct Parser {
  let text: UnsafeRawBufferPointer
  var position = 0

  init(text: UnsafeRawBufferPointer) { self.text = text }

  func error(_ reason: String) -> HeaderJSON.SyntaxError {
    HeaderJSON.SyntaxError(reason: "\(reason) (byte \(position) of the header)")
  }

  mutating func skipSpace() {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  /// The next byte that is not white space.
  mutating func peek() throws -> UInt8 {
    skipSpace()
    guard position < text.count else { throw error("the JSON ends too early") }
    return text[position]
  }

  mutating func accept(_ byte: Character) throws -> Bool {
    guard try peek() == byte.asciiValue else { return false }
    position += 1
    return true
  }

  mutating func expect(_ byte: Character) throws {
    guard try accept(byte) else { throw error("expected '\(byte)'") }
  }

  mutating func value(depth: Int) throws -> HeaderJSON {
    guard depth < 8 else { throw error("nested too deeply") }
    switch try peek() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    default: return try word()
    }
  }

  private mutating func object(depth: Int) throws -> HeaderJSON {
    try expect("{")
    var entries: [(name: String, value: HeaderJSON)] = []
    var names: Set<String> = []
    if try accept("}") { return .object([]) }
    repeat {
      let name = try string()
      guard names.insert(name).inserted else { throw error("\(quoted(name)) appears twice") }
      try expect(":")
      entries.append((name, try value(depth: depth + 1)))
    } while try accept(",")
    try expect("}")
    return .object(entries)
  }

  private mutating func array(depth: Int) throws -> HeaderJSON {
    try expect("[")
    var elements: [HeaderJSON] = []
    if try accept("]") { return .array([]) }
    repeat { elements.append(try value(depth: depth + 1)) } while try accept(",")
    try expect("]")
    return .array(elements)
  }

  private mutating func word() throws -> HeaderJSON {
    let start = position
    scan: while position < text.count {
      switch Character(Unicode.Scalar(text[position])) {
      case "a"..."z", "0"..."9", "+", "-", ".", "E": position += 1
      default: break scan
      }
    }
    let word = String(decoding: text[start..<position], as: UTF8.self)
    if let value = Int(word), !word.hasPrefix("+"), word == String(value) { return .integer(value) }
    let isNumber = Double(word) != nil && !word.hasSuffix("nan") && !word.contains("inf")
    guard isNumber || ["true", "false", "null"].contains(word) else {
      position = start
      throw error("expected a JSON value")
    }
    return .other(word)
  }

  private mutating func string() throws -> String {
    try expect("\"")
    var bytes: [UInt8] = []
    while true {
      guard position < text.count else { throw error("a text has no end") }
      let byte = text[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let result = String(validating: bytes, as: UTF8.self) else {
          throw error("a text is not UTF-8")
        }
        return result
      case UInt8(ascii: "\\"): try escape(into: &bytes)
      case 0..<0x20: throw error("a control character inside a text")
      default: bytes.append(byte)
      }
    }
  }

  private mutating func escape(into bytes: inout [UInt8]) throws {
    guard position < text.count else { throw error("a text has no end") }
    let byte = text[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0c)
    case UInt8(ascii: "n"): bytes.append(0x0a)
    case UInt8(ascii: "r"): bytes.append(0x0d)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var units = [try codeUnit()]
      if UTF16.isLeadSurrogate(units[0]) {
        guard position + 1 < text.count, text[position] == UInt8(ascii: "\\"),
          text[position + 1] == UInt8(ascii: "u")
        else { throw error("half of a surrogate pair") }
        position += 2
        units.append(try codeUnit())
      }
      guard let character = String(validating: units, as: UTF16.self) else {
        throw error("half of a surrogate pair")
      }
      bytes.append(contentsOf: character.utf8)
    default: throw error("an unknown escape sequence")
    }
  }

  private mutating func codeUnit() throws -> UInt16 {
    guard position + 4 <= text.count else { throw error("a text has no end") }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(text[position])).hexDigitValue else {
        throw error("expected four hexadecimal digits")
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }
}
