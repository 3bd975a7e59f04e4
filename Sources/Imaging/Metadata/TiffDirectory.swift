/// The layout of numbers and directories in a TIFF file (TIFF 6.0) or an EXIF block.
struct TiffLayout: Equatable {
  var littleEndian: Bool
  /// BigTIFF: numbers of eight bytes instead of four.
  var big = false

  var countSize: Int { big ? 8 : 2 }
  var entrySize: Int { big ? 20 : 12 }
  var offsetSize: Int { big ? 8 : 4 }

  /// A count or an offset.
  func number(_ value: Int) -> [UInt8] {
    big
      ? bytes(UInt64(value), littleEndian: littleEndian)
      : bytes(UInt32(truncatingIfNeeded: value), littleEndian: littleEndian)
  }

  func short(_ value: Int) -> [UInt8] {
    bytes(UInt16(truncatingIfNeeded: value), littleEndian: littleEndian)
  }

  /// The number of entries of a directory.
  func entryCount(_ value: Int) -> [UInt8] { big ? number(value) : short(value) }

  func integer(_ bytes: some Sequence<UInt8>) -> Int {
    // Sums of a few offsets must not overflow.
    Int(min(Imaging.integer(bytes, littleEndian: littleEndian), 1 << 60))
  }
}

/// A directory of a TIFF file or an EXIF block: values by tag, and subdirectories.
struct TiffDirectory: Equatable {
  struct Value: Equatable {
    /// TIFF's type: 3 SHORT, 4 LONG, 5 RATIONAL, 7 UNDEFINED...
    var type: UInt16
    var count: Int
    /// In the byte order of the layout from which it was read.
    var bytes: [UInt8]

    static func short(_ value: Int, _ layout: TiffLayout) -> Value {
      Value(type: 3, count: 1, bytes: layout.short(value))
    }

    static func long(_ value: Int, _ layout: TiffLayout) -> Value {
      Value(
        type: 4, count: 1,
        bytes: Imaging.bytes(UInt32(truncatingIfNeeded: value), littleEndian: layout.littleEndian))
    }

    static func rational(_ value: Double, _ layout: TiffLayout) -> Value {
      let denominator: UInt32 = value == value.rounded() ? 1 : 1000
      let numerator = UInt32(min(max(value * Double(denominator), 0), 4e9).rounded())
      return Value(
        type: 5, count: 1,
        bytes: [numerator, denominator].flatMap {
          Imaging.bytes($0, littleEndian: layout.littleEndian)
        })
    }
  }

  var values: [UInt16: Value] = [:]
  var children: [UInt16: TiffDirectory] = [:]
  /// The offset of the maker's note, to which its own pointers may be relative.
  var makerNoteOffset: Int?

  /// Tags whose values are the offsets of directories: EXIF, GPS, and EXIF's interoperability.
  enum Tag {
    static let exif: UInt16 = 0x8769
    static let gps: UInt16 = 0x8825
    static let interoperability: UInt16 = 0xa005
    static let makerNote: UInt16 = 0x927c
    static let directories: Set<UInt16> = [exif, gps, interoperability]
  }

  private static let unicode = Array("UNICODE\0".utf8)

  /// The size of a value of each type in bytes; 0 for unknown types.
  static func size(ofType type: UInt16) -> Int {
    switch type {
    case 1, 2, 6, 7: 1
    case 3, 8: 2
    case 4, 9, 11, 13: 4
    case 5, 10, 12, 16, 17, 18: 8
    default: 0
    }
  }

  /// The size of the numbers within a value, to which the byte order applies.
  static func wordSize(ofType type: UInt16) -> Int {
    type == 5 || type == 10 ? 4 : size(ofType: type)
  }
}

// MARK: Reading

extension TiffDirectory {
  /// The total size of values read from a file's directories at most, in bytes.
  private static let budget = 16 << 20

  /// The layout and the offset of the first directory, or nil if this is not a TIFF structure.
  static func start(_ source: ByteSource) -> (layout: TiffLayout, offset: Int)? {
    guard let head = source(0, 8), head[0] == head[1], head[0] == 0x49 || head[0] == 0x4d else {
      return nil
    }
    var layout = TiffLayout(littleEndian: head[0] == 0x49)
    switch layout.integer(head[2..<4]) {
    case 42: return (layout, layout.integer(head[4..<8]))
    case 43:
      layout.big = true
      return source(8, 8).map { (layout, layout.integer($0)) }
    default: return nil
    }
  }

  /// The layout, and the offset of a page's directory.
  static func start(_ source: ByteSource, page: Int) -> (layout: TiffLayout, offset: Int)? {
    guard case (let layout, var offset)? = start(source) else { return nil }
    for _ in 0..<min(page, 65536) {
      guard let next = next(source, after: offset, layout) else { return nil }
      offset = next
    }
    return (layout, offset)
  }

  /// Reads a directory and its subdirectories; values outside of the source are left out.
  init?(_ source: ByteSource, at offset: Int, _ layout: TiffLayout) {
    var budget = Self.budget
    self.init(source, at: offset, layout, depth: 0, &budget)
  }

  private init?(
    _ source: ByteSource, at offset: Int, _ layout: TiffLayout, depth: Int, _ budget: inout Int
  ) {
    guard let head = source(offset, layout.countSize) else { return nil }
    let count = min(layout.integer(head), 4096)
    let field = layout.big ? 4..<12 : 4..<8
    for i in 0..<count {
      let place = offset + layout.countSize + i * layout.entrySize
      guard let entry = source(place, layout.entrySize) else { break }
      let tag = UInt16(layout.integer(entry[0..<2]))
      let type = UInt16(layout.integer(entry[2..<4]))
      let length = layout.integer(entry[field])
      let end = entry[field.upperBound...]
      let size = Self.size(ofType: type)
      guard size > 0, length > 0, length <= budget / size else { continue }
      if Self.Tag.directories.contains(tag) {
        // EXIF has two levels at most; the limit ends cycles.
        guard depth < 2 else { continue }
        children[tag] = TiffDirectory(
          source, at: layout.integer(end.prefix(size)), layout, depth: depth + 1, &budget)
        continue
      }
      let isInline = length * size <= layout.offsetSize
      let bytes =
        isInline
        ? Array(end.prefix(length * size)) : source(layout.integer(end), length * size)
      guard let bytes else { continue }
      budget -= bytes.count
      if tag == Self.Tag.makerNote, !isInline { makerNoteOffset = layout.integer(end) }
      values[tag] = Value(type: type, count: length, bytes: bytes)
    }
  }

  /// The offset of the directory that follows the one at `offset`, or nil.
  static func next(_ source: ByteSource, after offset: Int, _ layout: TiffLayout) -> Int? {
    guard let head = source(offset, layout.countSize) else { return nil }
    let count = layout.integer(head)
    guard count <= 4096 else { return nil }
    return source(offset + layout.countSize + count * layout.entrySize, layout.offsetSize)
      .map { layout.integer($0) }.flatMap { $0 == 0 ? nil : $0 }
  }

  /// The same values in another byte order.
  func converted(from old: TiffLayout, to new: TiffLayout) -> TiffDirectory {
    guard old.littleEndian != new.littleEndian else { return self }
    var result = self
    result.values = values.mapValues { value in
      var swapped = value
      if value.bytes.starts(with: Self.unicode) {
        // EXIF's user comment in UTF-16 has the byte order of the numbers.
        swapped.bytes = stride(from: 8, to: value.bytes.count, by: 2).reduce(Self.unicode) {
          $0 + value.bytes[$1..<min($1 + 2, value.bytes.count)].reversed()
        }
        return swapped
      }
      let word = Self.wordSize(ofType: value.type)
      swapped.bytes = stride(from: 0, to: value.bytes.count, by: word).flatMap {
        value.bytes[$0..<min($0 + word, value.bytes.count)].reversed()
      }
      return swapped
    }
    result.children = children.mapValues { $0.converted(from: old, to: new) }
    return result
  }
}
