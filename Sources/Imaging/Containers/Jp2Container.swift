/// Reads the metadata of JPEG 2000 files (ISO/IEC 15444-1, annex I).
enum Jp2Container {
  private static let xmp: [UInt8] = [
    0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac,
  ]
  private static let exif = Array("JpgTiffExif->JP2".utf8)

  static func contents(_ source: FileBytes) -> FileContents {
    var found = FileContents()
    for box in Boxes(source, from: 0) {
      switch box.type {
      case "jp2h":
        // A profile is in a colour specification box with method 2 or 3.
        let colors = Boxes(source, box.contents).first { $0.type == "colr" }?.contents
        guard let colors, colors.count > 3, colors.count <= FileContents.largestBlock,
          let bytes = source.read(colors.lowerBound, colors.count), [2, 3].contains(bytes[0])
        else { continue }
        found.iccProfile = Array(bytes[3...])
      case "uuid":
        guard let head = source.read(box.contents.lowerBound, 16) else { continue }
        let contents = box.contents.dropFirst(16)
        guard contents.count <= FileContents.largestBlock else { continue }
        if head == xmp {
          found.xmp = source.read(contents.lowerBound, contents.count)
        } else if head == exif {
          found.exif = source.read(contents.lowerBound, contents.count)
        } else {
          found.leaveOut("data in a vendor's box are")
        }
      case "xml ": found.leaveOut("data in XML are")
      case "jumb": found.leaveOut(FileContents.credentials)
      default: break
      }
    }
    return found
  }
}

/// The boxes of a file or of a box: a length of four bytes (1: eight more follow; 0: to the end), a
/// type, and the contents.
struct Boxes: Sequence {
  let source: FileBytes
  let range: Range<Int>

  init(_ source: FileBytes, from start: Int) {
    self.source = source
    range = start..<Swift.max(start, source.count)
  }

  /// The boxes in a box.
  init(_ source: FileBytes, _ contents: Range<Int>) {
    self.source = source
    range = contents
  }

  func makeIterator() -> AnyIterator<(type: String, contents: Range<Int>)> {
    var place = range.lowerBound
    return AnyIterator {
      guard place < range.upperBound, let head = source.read(place, 8) else { return nil }
      var (count, start) = (Int(integer(head[0..<4], littleEndian: false)), place + 8)
      if count == 1 {
        guard let long = source.read(start, 8) else { return nil }
        count = Int(Swift.min(integer(long, littleEndian: false), 1 << 60))
        start += 8
      } else if count == 0 {
        count = range.upperBound - place
      }
      guard count >= start - place, count <= range.upperBound - place else { return nil }
      place += count
      return (String(decoding: head[4..<8], as: UTF8.self), start..<place)
    }
  }
}
