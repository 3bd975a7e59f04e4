import Foundation

/// The contents of a picture file, or of one to be written, in words.
public struct PictureSummary: Codable, Equatable, Sendable {
  /// "JPEG", "JPEG XL"...
  public var format: String
  public var width, height: Int
  /// "RGB with alpha, 8 bit".
  public var samples: String
  /// "sRGB", "Display P3 (ICC profile)", "BT.2020, PQ (code points)".
  public var colors: String
  /// "EXIF", "XMP", "300 pixels per inch"...
  public var metadata: [String]

  init(
    format: String, width: Int, height: Int, channels: Int, bitDepth: Int,
    profile: Data?, codePoints: CodePoints?, metadata: [String]
  ) {
    self.format = format
    self.width = width
    self.height = height
    samples =
      (channels <= 2 ? "grey" : "RGB") + (channels % 2 == 0 ? " with alpha" : "")
      + ", \(bitDepth) bit"
    if let codePoints {
      colors = "\(codePoints.name) (code points)"
    } else if let profile {
      colors = "\(ColorProfile.name(profile) ?? "unnamed") (ICC profile)"
    } else {
      colors = "sRGB"
    }
    self.metadata = metadata
  }

  /// The names of blocks that are there.
  static func names(
    exif: Bool, xmp: Bool, iptc: Bool, texts: [PictureText], density: PixelDensity?, gainMap: Bool
  ) -> [String] {
    let keywords = PictureText.keywords(texts)
    return [
      exif ? "EXIF" : nil, xmp ? "XMP" : nil, iptc ? "IPTC" : nil,
      texts.isEmpty ? nil : "texts (\(keywords))", density?.name, gainMap ? "gain map" : nil,
    ].compactMap { $0 }
  }
}

extension PixelDensity {
  fileprivate var name: String {
    func text(_ value: Double) -> String {
      value == value.rounded() ? "\(Int(value))" : String(format: "%.1f", value)
    }
    let numbers =
      horizontal == vertical ? text(horizontal) : "\(text(horizontal)) x \(text(vertical))"
    return isRatio
      ? "pixels of \(text(horizontal)) : \(text(vertical))" : "\(numbers) pixels per inch"
  }
}

extension ImageReader {
  /// The contents of the file as it is read.
  public var summary: PictureSummary {
    PictureSummary(
      format: format, width: width, height: height, channels: channels, bitDepth: bitDepth,
      profile: metadata.iccProfile, codePoints: metadata.codePoints,
      metadata: PictureSummary.names(
        exif: metadata.exif != nil, xmp: metadata.xmp != nil, iptc: metadata.iptc != nil,
        texts: metadata.texts, density: metadata.density, gainMap: metadata.gainMap != nil))
  }
}

extension ColorProfile {
  /// The description of a profile: ASCII text (version 2) or localised text (version 4).
  static func name(_ profile: Data) -> String? {
    let bytes = [UInt8](profile)
    func number(_ place: Int, _ count: Int = 4) -> Int? {
      guard place >= 0, place + count <= bytes.count else { return nil }
      return Int(integer(bytes[place..<place + count], littleEndian: false))
    }
    guard let tags = number(128) else { return nil }
    for entry in (0..<min(tags, 100)).map({ 132 + 12 * $0 }) where number(entry) == 0x6465_7363 {
      guard let place = number(entry + 4), let type = number(place) else { return nil }
      let text: String
      switch type {
      case 0x6465_7363:
        guard let count = number(place + 8), count > 1, count <= bytes.count - place - 12 else {
          return nil
        }
        text = PictureText.decode(bytes[(place + 12)..<(place + 11 + count)])
      case 0x6d6c_7563:
        guard let count = number(place + 20), let start = number(place + 24), count % 2 == 0,
          start <= bytes.count - place, count <= bytes.count - place - start
        else { return nil }
        let units = stride(from: place + start, to: place + start + count, by: 2).map {
          UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
        }
        text = String(decoding: units, as: UTF16.self)
      default: return nil
      }
      let visible = text.prefix { $0 != "\0" }.filter { !$0.isNewline }.prefix(80)
      return visible.isEmpty ? nil : String(visible)
    }
    return nil
  }
}
