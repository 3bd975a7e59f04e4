/// Lays directories out as bytes that will stand at a place of a file or a block.
struct TiffDirectoryWriter {
  let layout: TiffLayout
  /// Where the bytes will stand.
  let base: Int
  private(set) var bytes: [UInt8] = []
  /// Where the maker note stays.
  private let makerNote: Range<Int>?
  /// Free bytes before it.
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

  /// Adds a directory with all below it; returns its place.
  ///
  /// - Parameters:
  ///   - entries: of a directory that stands in the file already: whole entries by tag, taken as
  ///     they are where the directory has none of that tag.
  mutating func add(_ directory: TiffDirectory, keeping entries: [UInt16: [UInt8]] = [:]) -> Int {
    let tags = Set(directory.values.keys).union(directory.children.keys).union(entries.keys)
      .sorted()
    // The place of a next directory, at the end, stays 0: there is none.
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

  /// The value itself where it is short enough, else its place.
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

  /// A place at an even offset: before the maker note where there is room, else at the end.
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
