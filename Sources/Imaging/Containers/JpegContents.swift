import Foundation

extension JpegContainer {
  static let xmpPrefix = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
  static let extensionPrefix = Array("http://ns.adobe.com/xmp/extension/\0".utf8)
  private static let isoPrefix = Array("urn:iso:std:iso:ts:21496:-1\0".utf8)

  /// Reads a file's segments and what follows its picture.
  static func contents(_ source: FileBytes) -> FileContents {
    var reading = Reading()
    for (mark, contents) in segments(source.read)
    where mark >= 0xe0 && mark <= 0xef || mark == 0xfe {
      guard let bytes = source.read(contents.lowerBound, contents.count) else { continue }
      reading.add(mark, bytes, at: contents.lowerBound)
    }
    return reading.finish(source)
  }

  /// The segments of a gain map's file that describe its use: XMP, ISO 21496-1, the profile.
  static func descriptions(_ jpeg: Data) -> Data {
    let bytes = [UInt8](jpeg)
    return segments(memory(bytes)).reduce(into: Data()) { result, segment in
      let (mark, contents) = segment
      guard contents.upperBound <= bytes.count else { return }
      let isExif = bytes[contents].starts(with: ExifBlock.prefix)
      if mark == 0xe1 && !isExif || mark == 0xe2 {
        result += bytes[contents.lowerBound - 4..<contents.upperBound]
      }
    }
  }

  /// The segments before the first scan: their markers and the ranges of their contents, which may
  /// exceed the file.
  private static func segments(_ source: ByteSource) -> [(mark: UInt8, contents: Range<Int>)] {
    var (place, result): (Int, [(UInt8, Range<Int>)]) = (2, [])
    while let mark = source(place, 4), mark[0] == 0xff, mark[1] != 0xda, mark[1] != 0xd9 {
      // Any number of fill bytes 0xff may precede a marker.
      if mark[1] == 0xff {
        place += 1
        continue
      }
      let count = Int(integer(mark[2..<4], littleEndian: false))
      guard count >= 2 else { break }
      result.append((mark[1], place + 4..<place + 2 + count))
      place += 2 + count
    }
    return result
  }

  /// The contents read so far.
  private struct Reading {
    // Without JFIF's density, only that of EXIF counts.
    private var found = FileContents(statesDensity: true)
    /// The parts of the XMP packet's extension by their offsets, and its identifier.
    private var parts: [(guid: [UInt8], place: Int, bytes: [UInt8])] = []
    private var pictures: [MultiPicture.Entry] = []
    private var isoMark: [UInt8]?

    mutating func add(_ mark: UInt8, _ bytes: [UInt8], at place: Int) {
      func begins(_ text: String) -> Bool { bytes.starts(with: Array(text.utf8)) }
      switch mark {
      case 0xe0 where begins("JFIF\0") && bytes.count >= 12: density(bytes)
      case 0xe0, 0xee: break  // a thumbnail; the colour transform
      case 0xe1 where begins("Exif\0"): found.exif = found.exif ?? bytes
      case 0xe1 where bytes.starts(with: xmpPrefix):
        found.xmp = found.xmp ?? Array(bytes.dropFirst(xmpPrefix.count))
      case 0xe1 where bytes.starts(with: extensionPrefix) && bytes.count >= 75:
        let rest = bytes.dropFirst(extensionPrefix.count)
        parts.append(
          (
            Array(rest.prefix(32)), Int(integer(rest.dropFirst(36).prefix(4), littleEndian: false)),
            Array(rest.dropFirst(40))
          ))
      case 0xe1 where begins("FLIR"): found.leaveOut("thermal data (FLIR) are")
      case 0xe2 where begins("ICC_PROFILE\0"): break
      case 0xe2 where begins("MPF\0"): pictures = MultiPicture.entries(bytes, at: place)
      case 0xe2 where bytes.starts(with: isoPrefix): isoMark = bytes
      case 0xeb where begins("JP"):
        found.leaveOut(FileContents.credentials)
      case 0xec where begins("Ducky"): break
      case 0xed:
        if IptcBlock.hasOtherResources(bytes) {
          found.leaveOut("Photoshop's resources (paths, print settings...) are")
        }
      case 0xfe:
        let text = bytes.last == 0 ? bytes.dropLast() : bytes[...]
        found.texts.append(PictureText(text: PictureText.decode(text)))
      default:
        let name = bytes.prefix { (0x20..<0x7f).contains($0) }.prefix(24)
        found.leaveOut(
          "the data \(String(decoding: name, as: UTF8.self).debugDescription) of the segment APP\(mark - 0xe0) are"
        )
      }
    }

    private mutating func density(_ bytes: [UInt8]) {
      let x = Double(integer(bytes[8..<10], littleEndian: false))
      let y = Double(integer(bytes[10..<12], littleEndian: false))
      guard x > 0, y > 0 else { return found.density = nil }
      switch bytes[7] {
      case 1: found.density = PixelDensity(horizontal: x, vertical: y)
      case 2: found.density = PixelDensity(perMillimetre: x / 10, y / 10)
      default: found.density = PixelDensity(ratio: x, y)
      }
    }

    mutating func finish(_ source: FileBytes) -> FileContents {
      if !parts.isEmpty { joinExtension() }
      let xmp = found.xmp.map { String(decoding: $0, as: UTF8.self) } ?? ""
      found.gainMap = gainMap(source, xmp)
      if found.gainMap == nil, isoMark != nil || XmpPacket.claimsGainMap(xmp) {
        found.leaveOut(
          "the gain map of an HDR picture is missing in the file; references to it are")
      }
      if XmpPacket.claimsVideo(xmp) { found.leaveOut("the video of a motion photo is") }
      let further = pictures.dropFirst().filter { !$0.isPreview }.count
      if further > (found.gainMap == nil ? 0 : 1), !XmpPacket.claimsGainMap(xmp) {
        found.leaveOut("the file's further pictures (\(further)) are")
      }
      return found
    }

    /// Merges the extension of an XMP packet into the packet that names it.
    private mutating func joinExtension() {
      guard let packet = found.xmp else { return found.leaveOut("a second part of XMP data is") }
      let guid = parts[0].guid
      var joined: [UInt8] = []
      for part in parts.sorted(by: { $0.place < $1.place }) where part.guid == guid {
        guard part.place == joined.count else { break }
        joined += part.bytes
      }
      if let whole = XmpPacket.joined(packet, joined) {
        found.xmp = whole
      } else {
        found.leaveOut("the second part of the XMP data is damaged and")
      }
    }

    private func gainMap(_ source: FileBytes, _ xmp: String) -> GainMap? {
      let ranges =
        pictures.dropFirst().map { $0.place..<$0.place + $0.count }
        + XmpPacket.gainMapPlace(xmp, fileSize: source.count)
      for range in ranges where range.count <= FileContents.largestBlock {
        guard let jpeg = source.read(range.lowerBound, range.count), GainMap.isOne(jpeg) else {
          continue
        }
        return GainMap(jpeg: Data(jpeg), mark: isoMark.map { Data($0) })
      }
      return nil
    }
  }
}

/// The index of a file with several JPEG pictures (CIPA DC-007).
enum MultiPicture {
  struct Entry {
    let place, count: Int
    let isPreview: Bool
  }

  private static let prefix = Array("MPF\0".utf8)

  /// - Parameter place: the position of the segment's contents in the file.
  static func entries(_ segment: [UInt8], at place: Int) -> [Entry] {
    let block = Array(segment.dropFirst(4))
    guard let (layout, offset) = TiffDirectory.start(memory(block)),
      let list = TiffDirectory(memory(block), at: offset, layout)?.values[0xb002]?.bytes
    else { return [] }
    return stride(from: 0, to: list.count / 16 * 16, by: 16).map { start in
      func number(_ at: Int) -> Int { layout.integer(list[start + at..<start + at + 4]) }
      let offset = number(8)
      return Entry(
        // The first picture's offset is 0: the beginning of the file.
        place: offset == 0 ? 0 : place + 4 + offset, count: number(4),
        isPreview: number(0) >> 16 & 0xff == 1)
    }
  }

  /// The contents of the segment for a picture that is followed by another one.
  ///
  /// - Parameters:
  ///   - place: the position of the segment's contents in the file.
  ///   - first: the size of the first picture in bytes.
  ///   - second: the size of the second picture in bytes.
  static func segment(at place: Int, first: Int, second: Int) -> [UInt8] {
    func be(_ value: Int) -> [UInt8] {
      bytes(UInt32(truncatingIfNeeded: value), littleEndian: false)
    }
    func entry(_ tag: UInt16, _ type: UInt16, _ count: Int, _ field: [UInt8]) -> [UInt8] {
      bytes(tag, littleEndian: false) + bytes(type, littleEndian: false) + be(count) + field
    }
    let directory =
      [0, 3] + entry(0xb000, 7, 4, Array("0100".utf8)) + entry(0xb001, 4, 1, be(2))
      + entry(0xb002, 7, 32, be(50)) + be(0)
    return prefix + Array("MM".utf8) + [0, 42] + be(8) + directory
      + be(0x0300_00) + be(first) + be(0) + be(0)
      + be(0) + be(second) + be(first - place - 4) + be(0)
  }
}
