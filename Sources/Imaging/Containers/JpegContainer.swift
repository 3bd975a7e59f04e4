import Files

/// Puts metadata into JPEG files.
enum JpegContainer {
  /// Copies a file that libvips has encoded, with the blocks in place of its own.
  static func write(_ source: FileBytes, _ blocks: MetadataBlocks, to file: AtomicFile) throws {
    var head: [UInt8] = [0xff, 0xd8]
    head += segment(0xe0, jfif(blocks.density))
    if let exif = blocks.exif { head += segment(0xe1, ExifBlock.prefix + exif) }
    if let xmp = blocks.xmp {
      head += segment(0xe1, Array("http://ns.adobe.com/xap/1.0/\0".utf8) + xmp)
    }
    if let iptc = blocks.iptc { head += segment(0xed, IptcBlock.photoshop(iptc)) }

    // Segments up to the first scan: JFIF, EXIF and XMP, Photoshop's are replaced.
    var place = 2
    while true {
      let mark = try source.required(place, 4)
      guard mark[0] == 0xff else { throw EncodingFailure(reason: "the encoded JPEG is malformed") }
      if mark[1] == 0xda { break }
      let end = place + 2 + Int(integer(mark[2..<4], littleEndian: false))
      if ![0xe0, 0xe1, 0xed].contains(mark[1]) {
        head += try source.required(place, end - place)
      }
      place = end
    }
    try file.append(head)
    try file.copy(place..<source.count, of: source)
  }

  private static func segment(_ mark: UInt8, _ contents: [UInt8]) -> [UInt8] {
    [0xff, mark] + bytes(UInt16(contents.count + 2), littleEndian: false) + contents
  }

  /// Version 1.02, density per inch or, where it is unknown, square pixels; no thumbnail.
  private static func jfif(_ density: PixelDensity?) -> [UInt8] {
    let numbers = [density?.horizontal ?? 1, density?.vertical ?? 1].flatMap {
      bytes(UInt16(min(max($0.rounded(), 1), 65_535)), littleEndian: false)
    }
    return Array("JFIF\0".utf8) + [1, 2, density == nil ? 0 : 1] + numbers + [0, 0]
  }
}
