import Files

/// Writes metadata into WebP files.
enum WebpContainer {
  /// Copies a file that libvips has encoded, replacing its metadata with the given blocks.
  static func write(
    _ source: FileBytes, _ blocks: MetadataBlocks, width: Int, height: Int, hasAlpha: Bool,
    to file: AtomicFile
  ) throws {
    var hasProfile = false
    var kept: [Range<Int>] = []
    var place = 12
    while place < source.count {
      let head = try source.required(place, 8)
      let count = Int(integer(head[4..<8], littleEndian: true))
      let end = place + 8 + count + count % 2
      let type = String(decoding: head[0..<4], as: UTF8.self)
      if type == "ICCP" { hasProfile = true }
      if !["VP8X", "EXIF", "XMP "].contains(type) { kept.append(place..<end) }
      place = end
    }
    var end: [UInt8] = []
    if let exif = blocks.exif { end += chunk("EXIF", exif) }
    if let xmp = blocks.xmp { end += chunk("XMP ", xmp) }

    // Flags of what is present, and the size minus one in 24 bits each.
    var flags: UInt8 = hasProfile ? 0x20 : 0
    if hasAlpha { flags |= 0x10 }
    if blocks.exif != nil { flags |= 0x08 }
    if blocks.xmp != nil { flags |= 0x04 }
    let size = [width, height].flatMap { bytes(UInt32($0 - 1), littleEndian: true).prefix(3) }
    let extended = chunk("VP8X", [flags, 0, 0, 0] + size)

    let count = 4 + extended.count + kept.map(\.count).reduce(0, +) + end.count
    try file.append(
      Array("RIFF".utf8) + bytes(UInt32(count), littleEndian: true) + Array("WEBP".utf8)
        + extended)
    for range in kept { try file.copy(range, of: source) }
    try file.append(end)
  }

  private static func chunk(_ type: String, _ contents: [UInt8]) -> [UInt8] {
    Array(type.utf8) + bytes(UInt32(contents.count), littleEndian: true) + contents
      + (contents.count % 2 == 1 ? [0] : [])
  }
}
