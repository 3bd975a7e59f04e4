import CVips
import Foundation

/// An sRGB colour by its name or its digits, such as "white", "#fff" or "#ff8800".
public struct PictureColor: Equatable, Sendable, Codable, CustomStringConvertible {
  /// Red, green and blue in 0...1.
  public let components: SIMD3<Float>
  /// The text as it was given.
  public let description: String

  /// The known names: those of HTML 4.
  public static let names: [String: UInt32] = [
    "black": 0x000000, "silver": 0xc0c0c0, "gray": 0x808080, "grey": 0x808080, "white": 0xffffff,
    "maroon": 0x800000, "red": 0xff0000, "purple": 0x800080, "fuchsia": 0xff00ff,
    "green": 0x008000, "lime": 0x00ff00, "olive": 0x808000, "yellow": 0xffff00, "navy": 0x000080,
    "blue": 0x0000ff, "teal": 0x008080, "aqua": 0x00ffff,
  ]

  /// Fails if the text is neither a name nor `#` with three or six hexadecimal digits.
  public init?(_ text: String) {
    let name = text.lowercased()
    let digits = name.hasPrefix("#") ? name.dropFirst() : name[...]
    let value: UInt32
    if let known = Self.names[name] {
      value = known
    } else if digits.allSatisfy(\.isHexDigit), [3, 6].contains(digits.utf8.count) {
      let six = digits.utf8.count == 6 ? String(digits) : digits.map { "\($0)\($0)" }.joined()
      guard let number = UInt32(six, radix: 16) else { return nil }
      value = number
    } else {
      return nil
    }
    components = SIMD3(value >> 16 & 255, value >> 8 & 255, value & 255).asLevels
    description = text
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let color = PictureColor(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not a colour")
    }
    self = color
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  /// Whether this is a shade of grey.
  public var isGrey: Bool { components.x == components.y && components.y == components.z }
}

extension SIMD3<UInt32> {
  /// 8-bit levels as 0...1.
  fileprivate var asLevels: SIMD3<Float> { SIMD3<Float>(self) / 255 }
}

extension ImageReader {
  /// The samples in 0...1 that represent a colour in this picture.
  public func components(of color: PictureColor) -> SIMD3<Float> {
    let profile =
      metadata.codePoints.flatMap { ColorProfile.make($0, isGrey: isGrey) } ?? metadata.iccProfile
    guard let profile else { return color.components }
    var values = (0..<3).map { Double(color.components[$0]) }
    withBlob(profile) { cvips_convert_srgb($0, isGrey, &values) }
    return SIMD3(values.map { Float(min(max($0, 0), 1)) })
  }
}
