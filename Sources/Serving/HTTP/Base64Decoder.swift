/// Decodes base64 (RFC 4648, section 4) as it arrives.
struct Base64Decoder {
  struct Malformed: Error {}

  private var bits: UInt32 = 0
  /// The characters of an incomplete group of four, and the number of padding characters in it.
  private var (count, padding) = (0, 0)
  private var isEnded = false

  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xff, count: 256)
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, character) in alphabet.utf8.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  /// - Throws: `Malformed`.
  mutating func decode(_ text: UnsafeRawBufferPointer) throws -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count / 4 * 3 + 3)
    try Self.values.withUnsafeBufferPointer { values in
      for character in text {
        guard !isEnded else { throw Malformed() }
        if character == UInt8(ascii: "=") {
          guard count >= 2 else { throw Malformed() }
          padding += 1
          bits <<= 6
        } else {
          let value = values[Int(character)]
          guard value < 64, padding == 0 else { throw Malformed() }
          bits = bits << 6 | UInt32(value)
        }
        count += 1
        guard count == 4 else { continue }
        result.append(UInt8(truncatingIfNeeded: bits >> 16))
        if padding < 2 { result.append(UInt8(truncatingIfNeeded: bits >> 8)) }
        if padding < 1 { result.append(UInt8(truncatingIfNeeded: bits)) }
        isEnded = padding > 0
        (bits, count) = (0, 0)
      }
    }
    return result
  }

  /// - Throws: `Malformed` if the text is incomplete.
  func finish() throws { if count != 0 { throw Malformed() } }
}
