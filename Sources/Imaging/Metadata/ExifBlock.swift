import Foundation

/// An EXIF block (Exif 2.3): directories of tags about the picture and how it was taken, without
/// the directory of the thumbnail.
struct ExifBlock {
  var layout: TiffLayout
  var root: TiffDirectory

  /// Tags whose values follow from the picture itself.
  private enum Tag {
    static let imageWidth: UInt16 = 0x100
    static let imageHeight: UInt16 = 0x101
    static let orientation: UInt16 = 0x112
    static let horizontalDensity: UInt16 = 0x11a
    static let verticalDensity: UInt16 = 0x11b
    static let densityUnit: UInt16 = 0x128
    static let pixelWidth: UInt16 = 0xa002
    static let pixelHeight: UInt16 = 0xa003
    /// Positions in pixels of the old picture: subject area and location.
    static let places: [UInt16] = [0x9214, 0xa214]
  }

  /// Tags of a TIFF file's own directory that describe the picture rather than its storage: title,
  /// maker, model, density, software, date, artist, computer, rating, copyright, Windows' fields.
  static let descriptive: Set<UInt16> = [
    0x10e, 0x10f, 0x110, Tag.horizontalDensity, Tag.verticalDensity, Tag.densityUnit, 0x131, 0x132,
    0x13b, 0x13c, 0x4746, 0x4749, 0x8298, 0x9c9b, 0x9c9c, 0x9c9d, 0x9c9e, 0x9c9f,
  ]

  /// An empty block.
  init() {
    layout = TiffLayout(littleEndian: true)
    root = TiffDirectory()
  }

  /// nil if the block is damaged before the end of its first directory.
  init?(_ data: some Sequence<UInt8>) {
    var bytes = [UInt8](data)
    if bytes.starts(with: Self.prefix) { bytes.removeFirst(Self.prefix.count) }
    let source = memory(bytes)
    guard let start = TiffDirectory.start(source), !start.layout.big,
      let root = TiffDirectory(source, at: start.offset, start.layout)
    else { return nil }
    self.layout = start.layout
    self.root = root
  }

  /// The metadata in the directory of a TIFF file's page; nil if there are none.
  init?(_ directory: TiffDirectory, _ layout: TiffLayout) {
    var (root, layout) = (directory, layout)
    root.values = root.values.filter { Self.descriptive.contains($0.key) }
    // The directory can be anywhere in the file, which may be large.
    root.children[TiffDirectory.Tag.exif]?.makerNoteOffset = nil
    let density = [Tag.horizontalDensity, Tag.verticalDensity, Tag.densityUnit]
    guard !root.children.isEmpty || !Set(root.values.keys).isSubset(of: density) else { return nil }
    layout.big = false
    self.layout = layout
    self.root = root
  }

  static let prefix = Array("Exif\0\0".utf8)

  /// Corrects the block for the picture: upright, of this size.
  mutating func describe(width: Int, height: Int, density: PixelDensity?) {
    func set(_ tag: UInt16, _ value: TiffDirectory.Value, in directory: inout TiffDirectory) {
      if directory.values[tag] != nil { directory.values[tag] = value }
    }
    set(Tag.orientation, .short(1, layout), in: &root)
    set(Tag.imageWidth, .long(width, layout), in: &root)
    set(Tag.imageHeight, .long(height, layout), in: &root)
    if var exif = root.children[TiffDirectory.Tag.exif] {
      set(Tag.pixelWidth, .long(width, layout), in: &exif)
      set(Tag.pixelHeight, .long(height, layout), in: &exif)
      for tag in Tag.places { exif.values[tag] = nil }
      root.children[TiffDirectory.Tag.exif] = exif
    }
    guard let density else { return }
    root.values[Tag.horizontalDensity] = .rational(density.horizontal, layout)
    root.values[Tag.verticalDensity] = .rational(density.vertical, layout)
    root.values[Tag.densityUnit] = .short(density.isRatio ? 1 : 2, layout)  // inches
  }

  /// Tags that identify a camera or its owner: the owner's name, the serial numbers of camera and
  /// lens, and the maker's note, which contains them too.
  private static let identifying: Set<UInt16> = [
    0xa430, 0xa431, 0xa435, TiffDirectory.Tag.makerNote, 0xc62f, 0x9c9d,
  ]

  /// Removes the location and everything that identifies the camera or its owner.
  mutating func makePrivate() {
    root.children[TiffDirectory.Tag.gps] = nil
    for tag in Self.identifying {
      root.values[tag] = nil
      root.children[TiffDirectory.Tag.exif]?.values[tag] = nil
    }
    root.children[TiffDirectory.Tag.exif]?.makerNoteOffset = nil
  }

  /// The orientation, 1...8.
  var orientation: Int? { root.values[Tag.orientation].map { layout.integer($0.bytes.prefix(2)) } }

  /// The density that the block states.
  var density: PixelDensity? {
    guard let (x, y, unit) = Self.resolution(root, layout) else { return nil }
    return unit == 1
      ? PixelDensity(ratio: x, y)
      : PixelDensity(perMillimetre: x / (unit == 3 ? 10 : 25.4), y / (unit == 3 ? 10 : 25.4))
  }

  /// Both densities and their unit: 1 none, 2 inches, 3 centimetres.
  static func resolution(_ root: TiffDirectory, _ layout: TiffLayout)
    -> (x: Double, y: Double, unit: Int)?
  {
    func number(_ tag: UInt16) -> Double? {
      guard let value = root.values[tag], value.type == 5, value.bytes.count >= 8 else {
        return nil
      }
      let below = layout.integer(value.bytes[4..<8])
      return below == 0 ? nil : Double(layout.integer(value.bytes[0..<4])) / Double(below)
    }
    guard let x = number(Tag.horizontalDensity), let y = number(Tag.verticalDensity) else {
      return nil
    }
    return (x, y, root.values[Tag.densityUnit].map { layout.integer($0.bytes.prefix(2)) } ?? 2)
  }

  /// The block, without the prefix. A maker's note keeps its offset, since makers' pointers may be
  /// relative to the block.
  var bytes: [UInt8] {
    let exif = root.children[TiffDirectory.Tag.exif]
    let note = exif?.values[TiffDirectory.Tag.makerNote]
    var makerNote: Range<Int>?
    if let place = exif?.makerNoteOffset, let note { makerNote = place..<place + note.bytes.count }
    var writer = TiffDirectoryWriter(layout, at: 8, makerNote: makerNote)
    let place = writer.add(root)
    let mark = Array((layout.littleEndian ? "II" : "MM").utf8)
    return mark + layout.short(42) + layout.number(place) + writer.bytes
  }
}

/// The bytes of a block as a source.
func memory(_ bytes: [UInt8]) -> ByteSource {
  { offset, count in
    guard offset >= 0, count >= 0, count <= bytes.count, offset <= bytes.count - count else {
      return nil
    }
    return Array(bytes[offset..<offset + count])
  }
}
