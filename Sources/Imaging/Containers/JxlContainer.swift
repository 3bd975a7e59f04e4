import Files

/// Puts metadata into JPEG XL files, and finds it there (ISO/IEC 18181-2).
enum JxlContainer {
  private static let signature: [UInt8] = [
    0, 0, 0, 12, 0x4a, 0x58, 0x4c, 0x20, 0x0d, 0x0a, 0x87, 0x0a,
  ]
  private static let fileType = box("ftyp", Array("jxl \0\0\0\0jxl ".utf8))

  /// Copies a file that libvips has encoded, a bare codestream or one in boxes, with the blocks as
  /// boxes before the pixels.
  static func write(_ source: FileBytes, _ blocks: MetadataBlocks, to file: AtomicFile) throws {
    // Four bytes before the EXIF block say where it begins.
    let exif = blocks.exif.map { box("Exif", [0, 0, 0, 0] + $0) } ?? []
    let xmp = blocks.xmp.map { box("xml ", $0) } ?? []
    var start = 0
    if source.read(0, signature.count) == signature {
      // The file's type, and the level where it is stated, stay first.
      start = signature.count
      while let head = source.read(start, 8), ["ftyp", "jxll"].contains(type(head)) {
        start += Int(integer(head[0..<4], littleEndian: false))
      }
      try file.copy(0..<start, of: source)
      try file.append(exif + xmp)
    } else if !exif.isEmpty || !xmp.isEmpty {
      // Length 0: up to the end of the file.
      try file.append(signature + fileType + exif + xmp + [0, 0, 0, 0] + Array("jxlc".utf8))
    }
    try file.copy(start..<source.count, of: source)
  }

  private static func type(_ head: [UInt8]) -> String {
    String(decoding: head[4..<8], as: UTF8.self)
  }

  private static func box(_ type: String, _ contents: [UInt8]) -> [UInt8] {
    bytes(UInt32(contents.count + 8), littleEndian: false) + Array(type.utf8) + contents
  }

  /// The EXIF block and the XMP packet of a file; nothing where it is of another format. Compressed
  /// boxes are not read.
  static func metadata(_ source: FileBytes) -> (exif: [UInt8]?, xmp: [UInt8]?) {
    var found: (exif: [UInt8]?, xmp: [UInt8]?) = (nil, nil)
    guard source.read(0, 12) == signature else { return found }
    var place = 12
    while let head = source.read(place, 8) {
      var (count, start) = (Int(integer(head[0..<4], littleEndian: false)), place + 8)
      if count == 1, let long = source.read(start, 8) {
        count = Int(min(integer(long, littleEndian: false), 1 << 60))
        start += 8
      } else if count == 0 {
        count = source.count - place
      }
      guard count >= start - place, count <= source.count - place else { break }
      let end = place + count
      let isSmall = end - start <= 16 << 20
      switch type(head) {
      case "Exif" where isSmall:
        guard let offset = source.read(start, 4) else { break }
        let begin = start + 4 + Int(integer(offset, littleEndian: false))
        if begin < end { found.exif = source.read(begin, end - begin) }
      case "xml " where isSmall: found.xmp = source.read(start, end - start)
      default: break
      }
      place = end
    }
    return found
  }
}
