import CVips
import Files
import Foundation

/// Writes metadata into PNG files.
enum PngContainer {
  /// Copies a file that libvips has encoded, replacing its metadata with the given blocks.
  static func write(_ source: FileBytes, _ blocks: MetadataBlocks, to file: AtomicFile) throws {
    var place = 8
    var (colors, pending) = (try colorChunks(blocks), chunks(blocks))
    try file.append(try source.required(0, place))
    while place < source.count {
      let head = try source.required(place, 8)
      let end = place + 12 + Int(integer(head[0..<4], littleEndian: false))
      let type = String(decoding: head[4..<8], as: UTF8.self)
      // Colour chunks go before a palette, all others before the pixels.
      if type != "IHDR" {
        try file.append(colors)
        colors = []
      }
      if type == "IDAT" {
        try file.append(pending)
        pending = []
      }
      if !replaced.contains(type) { try file.copy(place..<end, of: source) }
      place = end
    }
  }

  private static let replaced: Set<String> = [
    "pHYs", "eXIf", "iTXt", "tEXt", "zTXt", "tIME", "iCCP", "sRGB", "gAMA", "cHRM", "cICP",
  ]

  private static func colorChunks(_ blocks: MetadataBlocks) throws -> [UInt8] {
    var result: [UInt8] = []
    if let points = blocks.codePoints {
      // Matrix 0 (RGB), full range.
      result += chunk("cICP", [points.primaries, points.transfer, 0, 1])
    }
    if let profile = blocks.iccProfile {
      do {
        let deflated = try blob { out, text in
          withBlob(profile) { cvips_deflate($0, out, &text) }
        }
        result += chunk("iCCP", Array("ICC profile\0\0".utf8) + deflated)
      } catch let failure as CallFailure {
        throw EncodingFailure(reason: failure.reason)
      }
    }
    return result
  }

  private static func chunks(_ blocks: MetadataBlocks) -> [UInt8] {
    var result: [UInt8] = []
    if let density = blocks.density {
      let numbers = [density.horizontal, density.vertical].map {
        density.isRatio ? $0 : $0 / 0.0254
      }
      let unit: UInt8 = density.isRatio ? 0 : 1
      result += chunk(
        "pHYs",
        numbers.flatMap { bytes(UInt32(min(max($0.rounded(), 1), 2e9)), littleEndian: false) }
          + [unit])
    }
    if let exif = blocks.exif { result += chunk("eXIf", exif) }
    if let xmp = blocks.xmp { result += unicodeText("XML:com.adobe.xmp", xmp) }
    for text in blocks.texts {
      let keyword =
        PictureText.latin1(text.keyword).map { Array($0.prefix(79)) } ?? Array("Comment".utf8)
      if let latin1 = PictureText.latin1(text.text), !latin1.contains(0) {
        result += chunk("tEXt", keyword + [0] + latin1)
      } else {
        result += unicodeText(PictureText.latin1(keyword), Array(text.text.utf8))
      }
    }
    return result
  }

  /// A text in UTF-8: uncompressed, without a language and a translated keyword.
  private static func unicodeText(_ keyword: String, _ text: [UInt8]) -> [UInt8] {
    chunk("iTXt", PictureText.latin1(keyword)! + [0, 0, 0, 0, 0] + text)
  }

  private static func chunk(_ type: String, _ contents: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + contents
    return bytes(UInt32(contents.count), littleEndian: false) + body
      + bytes(withBlob(body) { cvips_crc32($0) }, littleEndian: false)
  }
}
