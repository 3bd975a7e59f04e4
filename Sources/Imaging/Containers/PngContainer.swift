import Files

/// Puts metadata into PNG files.
enum PngContainer {
  /// Copies a file that libvips has encoded, with the blocks in place of its own.
  static func write(_ source: FileBytes, _ blocks: MetadataBlocks, to file: AtomicFile) throws {
    var place = 8
    var pending = chunks(blocks)
    try file.append(try source.required(0, place))
    while place < source.count {
      let head = try source.required(place, 8)
      let end = place + 12 + Int(integer(head[0..<4], littleEndian: false))
      let type = String(decoding: head[4..<8], as: UTF8.self)
      if type == "IDAT" {
        try file.append(pending)
        pending = []
      }
      if !["pHYs", "eXIf", "iTXt", "tEXt", "zTXt", "tIME"].contains(type) {
        try file.copy(place..<end, of: source)
      }
      place = end
    }
  }

  private static func chunks(_ blocks: MetadataBlocks) -> [UInt8] {
    var result: [UInt8] = []
    if let density = blocks.density {
      let perMetre = [density.horizontal, density.vertical].flatMap {
        bytes(UInt32(min(max(($0 / 0.0254).rounded(), 1), 2e9)), littleEndian: false)
      }
      result += chunk("pHYs", perMetre + [1])
    }
    if let exif = blocks.exif { result += chunk("eXIf", exif) }
    if let xmp = blocks.xmp {
      // Not compressed, no language, no translated keyword.
      result += chunk("iTXt", Array("XML:com.adobe.xmp\0".utf8) + [0, 0, 0, 0] + xmp)
    }
    return result
  }

  private static func chunk(_ type: String, _ contents: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + contents
    return bytes(UInt32(contents.count), littleEndian: false) + body
      + bytes(checksum(body), littleEndian: false)
  }

  /// CRC-32 (ISO 3309), bit by bit: the chunks are small.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in
        value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1
      }
    }
  }
}
