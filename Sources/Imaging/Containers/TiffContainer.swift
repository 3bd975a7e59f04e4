import Foundation

/// Writes metadata into TIFF files.
enum TiffContainer {
  /// Adds the tags of an EXIF block to the directory of a file that libvips has encoded: a new
  /// directory at the end of the file replaces the old one.
  static func add(_ blocks: MetadataBlocks, to path: String) throws {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw EncodingFailure(reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    let file = FileBytes(descriptor: descriptor)
    guard let (layout, offset) = TiffDirectory.start(file.read) else {
      throw EncodingFailure(reason: "the encoded TIFF is malformed")
    }
    var directory = TiffDirectory()
    if let bytes = blocks.exif, let block = ExifBlock(bytes) {
      directory = block.root.converted(from: block.layout, to: layout)
      directory.values = directory.values.filter { ExifBlock.descriptive.contains($0.key) }
      // TIFF states components and size in tags of its own.
      for tag: UInt16 in [0x9101, 0x9102, 0xa002, 0xa003] {
        directory.children[TiffDirectory.Tag.exif]?.values[tag] = nil
      }
    }
    let count = layout.integer(try file.required(offset, layout.countSize))
    var entries: [UInt16: [UInt8]] = [:]
    for i in 0..<count {
      let place = offset + layout.countSize + i * layout.entrySize
      let entry = try file.required(place, layout.entrySize)
      entries[UInt16(layout.integer(entry[0..<2]))] = entry
    }
    // The tags that libvips has written are true of this file.
    for tag in entries.keys { directory.values[tag] = nil }
    if let iptc = blocks.iptc {
      // In libtiff's representation, words of four bytes (libvips 8.14 keeps only a quarter of
      // them).
      let padding = [UInt8](repeating: 0, count: (4 - iptc.count % 4) % 4)
      directory.values[0x83bb] = TiffDirectory.Value(
        type: 4, count: (iptc.count + padding.count) / 4, bytes: iptc + padding)
    }
    if blocks.density.map(\.isRatio) ?? true {
      // libvips writes its default of 1 pixel per millimetre; this states that the unit is unknown.
      directory.values[0x11a] = .rational(blocks.density?.horizontal ?? 1, layout)
      directory.values[0x11b] = .rational(blocks.density?.vertical ?? 1, layout)
      directory.values[0x128] = .short(1, layout)
    }
    let end = file.count + file.count % 2
    var writer = TiffDirectoryWriter(layout, at: end)
    let place = writer.add(directory, keeping: entries)
    try file.overwrite(end, writer.bytes)
    try file.overwrite(layout.big ? 8 : 4, layout.number(place))
  }
}
