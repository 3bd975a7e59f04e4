import Files

/// Writes metadata into JPEG files.
enum JpegContainer {
  /// Copies a file that libvips has encoded, replacing its metadata with the given blocks, with the
  /// gain map appended.
  static func write(_ source: FileBytes, _ blocks: MetadataBlocks, to file: AtomicFile) throws {
    var head: [UInt8] = [0xff, 0xd8]
    head += segment(0xe0, jfif(blocks.density))
    if let exif = blocks.exif { head += segment(0xe1, ExifBlock.prefix + exif) }
    if let xmp = blocks.xmp { head += packet(xmp) }
    if let iptc = blocks.iptc { head += segment(0xed, IptcBlock.photoshop(iptc)) }

    // Of the segments before the first scan, JFIF, EXIF, XMP and Photoshop's are replaced.
    var place = 2
    var others: [UInt8] = []
    while true {
      let mark = try source.required(place, 4)
      guard mark[0] == 0xff else { throw EncodingFailure(reason: "the encoded JPEG is malformed") }
      if mark[1] == 0xda { break }
      let end = place + 2 + Int(integer(mark[2..<4], littleEndian: false))
      if ![0xe0, 0xe1, 0xed].contains(mark[1]) {
        let bytes = try source.required(place, end - place)
        // The profile goes with the metadata, before the tables.
        if mark[1] == 0xe2 { head += bytes } else { others += bytes }
      }
      place = end
    }
    for text in blocks.texts { head += segment(0xfe, Array(text.text.utf8)) }
    if let map = blocks.gainMap {
      if let mark = map.mark { head += segment(0xe2, Array(mark)) }
      let contents = head.count + 4
      // The size of the segment does not change.
      let size = MultiPicture.segment(at: 0, first: 0, second: 0).count
      let first = contents + size + others.count + source.count - place
      head += segment(
        0xe2, MultiPicture.segment(at: contents, first: first, second: map.jpeg.count))
    }
    try file.append(head + others)
    try file.copy(place..<source.count, of: source)
    if let map = blocks.gainMap { try file.append(Array(map.jpeg)) }
  }

  /// The segments of an XMP packet. A packet that is too long for one becomes a short one that
  /// names an extension, and the extension in parts.
  private static func packet(_ xmp: [UInt8]) -> [UInt8] {
    if xmp.count + xmpPrefix.count + 2 <= 65_535 { return segment(0xe1, xmpPrefix + xmp) }
    let guid = Array(xmp.withUnsafeBytes { FileDigest.md5($0) }.uppercased().utf8)
    let first = """
      <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
      xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" \
      xmlns:xmpNote="\(XmpPacket.Namespace.note)" \
      xmpNote:HasExtendedXMP="\(String(decoding: guid, as: UTF8.self))"/></rdf:RDF></x:xmpmeta>
      """
    let size = 65_000
    return stride(from: 0, to: xmp.count, by: size).reduce(
      into: segment(0xe1, xmpPrefix + Array(first.utf8))
    ) { result, start in
      let lengths = [xmp.count, start].flatMap { bytes(UInt32($0), littleEndian: false) }
      let part = xmp[start..<min(start + size, xmp.count)]
      result += segment(0xe1, extensionPrefix + guid + lengths + part)
    }
  }

  private static func segment(_ mark: UInt8, _ contents: [UInt8]) -> [UInt8] {
    [0xff, mark] + bytes(UInt16(contents.count + 2), littleEndian: false) + contents
  }

  /// Version 1.02, with the density per inch or the aspect ratio of a pixel; no thumbnail.
  private static func jfif(_ density: PixelDensity?) -> [UInt8] {
    let numbers = [density?.horizontal ?? 1, density?.vertical ?? 1].flatMap {
      bytes(UInt16(min(max($0.rounded(), 1), 65_535)), littleEndian: false)
    }
    let unit: UInt8 = density.map { $0.isRatio ? 0 : 1 } ?? 0
    return Array("JFIF\0".utf8) + [1, 2, unit] + numbers + [0, 0]
  }
}
