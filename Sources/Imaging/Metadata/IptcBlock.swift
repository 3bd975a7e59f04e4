/// IPTC records (IIM 4), and Photoshop's resource block, which holds them in JPEG files.
enum IptcBlock {
  private static let signature = Array("Photoshop 3.0\0".utf8)
  private static let mark = Array("8BIM".utf8)
  private static let records: UInt64 = 0x0404

  /// Resources that are rewritten or are meaningless for a larger picture: its density, thumbnails,
  /// the profile, EXIF and XMP, and digests of these.
  private static let rewritten: Set<UInt64> = [
    records, 1005, 1033, 1036, 1039, 1058, 1059, 1060, 1061,
  ]

  /// Whether Photoshop's block has resources that no output has.
  static func hasOtherResources(_ block: [UInt8]) -> Bool {
    resources(in: block).contains { !rewritten.contains($0.number) }
  }

  /// The resources of Photoshop's block: "8BIM", a number of two bytes, a name and the contents,
  /// both with a length prefix and padded to even sizes.
  private static func resources(in block: [UInt8]) -> [(number: UInt64, contents: Range<Int>)] {
    var result: [(UInt64, Range<Int>)] = []
    var place = block.starts(with: signature) ? signature.count : 0
    while place + 12 <= block.count, block[place..<place + 4].elementsEqual(mark) {
      let number = integer(block[place + 4..<place + 6], littleEndian: false)
      let name = 1 + Int(block[place + 6])
      place += 6 + name + name % 2
      guard place + 4 <= block.count else { break }
      let count = Int(integer(block[place..<place + 4], littleEndian: false))
      place += 4
      guard count <= block.count - place else { break }
      result.append((number, place..<place + count))
      place += count + count % 2
    }
    return result
  }

  /// The records of a block of either kind; nil if it has none.
  static func records(in block: [UInt8]) -> [UInt8]? {
    if block.first == 0x1c { return trimmed(block) }
    return resources(in: block).first { $0.number == records }
      .flatMap { trimmed(Array(block[$0.contents])) }
  }

  /// The complete records at the beginning, without padding. A record is 0x1c, two numbers of one
  /// byte, the length (or, with the highest bit set, the length of the length) and the contents.
  private static func trimmed(_ block: [UInt8]) -> [UInt8]? {
    var place = 0
    while let end = end(ofRecordAt: place, in: block) { place = end }
    return place == 0 ? nil : Array(block[..<place])
  }

  private static func end(ofRecordAt place: Int, in block: [UInt8]) -> Int? {
    guard place + 5 <= block.count, block[place] == 0x1c else { return nil }
    var count = Int(integer(block[place + 3..<place + 5], littleEndian: false))
    var end = place + 5
    if count & 0x8000 != 0 {
      let size = count & 0x7fff
      guard size <= 4, end + size <= block.count else { return nil }
      count = Int(integer(block[end..<end + size], littleEndian: false))
      end += size
    }
    return count <= block.count - end ? end + count : nil
  }

  /// Datasets of record 2 that name a location: of the contents, city, sublocation, province,
  /// country.
  private static let places: Set<UInt8> = [26, 27, 90, 92, 95, 100, 101]

  /// The records except those that name a location.
  static func withoutPlace(_ records: [UInt8]) -> [UInt8] {
    var (result, start): ([UInt8], Int) = ([], 0)
    while start < records.count, let end = end(ofRecordAt: start, in: records) {
      let isPlace = records[start + 1] == 2 && places.contains(records[start + 2])
      if !isPlace { result += records[start..<end] }
      start = end
    }
    return result
  }

  /// The block that holds the records in a JPEG file.
  static func photoshop(_ records: [UInt8]) -> [UInt8] {
    signature + mark + bytes(UInt16(Self.records), littleEndian: false) + [0, 0]
      + bytes(UInt32(records.count), littleEndian: false) + records
      + (records.count % 2 == 1 ? [0] : [])
  }
}
