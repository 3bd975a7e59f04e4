import Files

/// Reads and writes metadata in JPEG XL files (ISO/IEC 18181-2).
enum JxlContainer {
  private static let signature: [UInt8] = [
    0, 0, 0, 12, 0x4a, 0x58, 0x4c, 0x20, 0x0d, 0x0a, 0x87, 0x0a,
  ]
  private static let fileType = box("ftyp", Array("jxl \0\0\0\0jxl ".utf8))

  /// Copies a file that libvips has encoded, a bare codestream or a container, with the blocks as
  /// boxes before the pixels.
  static func write(_ source: FileBytes, _ blocks: MetadataBlocks, to file: AtomicFile) throws {
    // Four bytes state the offset of the EXIF block.
    let exif = blocks.exif.map { box("Exif", [0, 0, 0, 0] + $0) } ?? []
    let xmp = blocks.xmp.map { box("xml ", $0) } ?? []
    var start = 0
    if source.read(0, signature.count) == signature {
      // The file type, and the level if there is one, stay first.
      start = signature.count
      while let head = source.read(start, 8), ["ftyp", "jxll"].contains(type(head)) {
        start += Int(integer(head[0..<4], littleEndian: false))
      }
      try file.copy(0..<start, of: source)
      try file.append(exif + xmp)
    } else if !exif.isEmpty || !xmp.isEmpty {
      // Length 0: to the end of the file.
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
}
