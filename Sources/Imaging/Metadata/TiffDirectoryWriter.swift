/// Serialises directories to bytes that will be placed at an offset of a file or a block.
struct TiffDirectoryWriter {
  let layout: TiffLayout
  /// The offset of the bytes.
  let base: Int
  private(set) var bytes: [UInt8] = []
  /// The range that a maker's note keeps.
  private let makerNote: Range<Int>?
  /// The free bytes before it.
  private var gap: Range<Int>

  init(_ layout: TiffLayout, at base: Int, makerNote: Range<Int>? = nil) {
    self.layout = layout
    self.base = base
    if let makerNote, makerNote.lowerBound >= base {
      self.makerNote = makerNote
      gap = base..<makerNote.lowerBound
      bytes = [UInt8](repeating: 0, count: makerNote.upperBound - base)
    } else {
      self.makerNote = nil
      gap = base..<base
    }
  }

  /// Adds a directory with its subdirectories; returns its offset.
  ///
  /// - Parameters:
  ///   - entries: whole entries, by tag, of a directory that is already in the file; used for tags
  ///     that the directory does not have.
  mutating func add(_ directory: TiffDirectory, keeping entries: [UInt16: [UInt8]] = [:]) -> Int {
    let tags = Set(directory.values.keys).union(directory.children.keys).union(entries.keys)
      .sorted()
    // The offset of the next directory stays 0: there is none.
    let place = allocate(layout.countSize + tags.count * layout.entrySize + layout.offsetSize)
    var table = layout.entryCount(tags.count)
    for tag in tags {
      if let child = directory.children[tag] {
        table += entry(tag, type: layout.big ? 16 : 4, count: 1, layout.number(add(child)))
      } else if let value = directory.values[tag] {
        table += entry(tag, type: value.type, count: value.count, field(tag, value))
      } else if let entry = entries[tag] {
        table += entry
      }
    }
    write(table, at: place)
    return place
  }

  private func entry(_ tag: UInt16, type: UInt16, count: Int, _ field: [UInt8]) -> [UInt8] {
    layout.short(Int(tag)) + layout.short(Int(type)) + layout.number(count) + field
  }

  /// The value itself if it is short enough, otherwise its offset.
  private mutating func field(_ tag: UInt16, _ value: TiffDirectory.Value) -> [UInt8] {
    let padding = layout.offsetSize - value.bytes.count
    if padding >= 0 { return value.bytes + [UInt8](repeating: 0, count: padding) }
    let place: Int
    if tag == TiffDirectory.Tag.makerNote, let makerNote, makerNote.count == value.bytes.count {
      place = makerNote.lowerBound
    } else {
      place = allocate(value.bytes.count)
    }
    write(value.bytes, at: place)
    return layout.number(place)
  }

  /// An even offset: before the maker's note if there is room, otherwise at the end.
  private mutating func allocate(_ count: Int) -> Int {
    let even = gap.lowerBound + gap.lowerBound % 2
    if even + count <= gap.upperBound {
      gap = even + count..<gap.upperBound
      return even
    }
    if (base + bytes.count) % 2 == 1 { bytes.append(0) }
    bytes += [UInt8](repeating: 0, count: count)
    return base + bytes.count - count
  }

  private mutating func write(_ values: [UInt8], at place: Int) {
    bytes.replaceSubrange(place - base..<place - base + values.count, with: values)
  }
}
