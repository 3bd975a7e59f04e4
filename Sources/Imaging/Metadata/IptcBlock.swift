/// IPTC records (IIM 4), and the block of Photoshop's resources that holds them in JPEG files.
enum IptcBlock {
  private static let signature = Array("Photoshop 3.0\0".utf8)
  private static let mark = Array("8BIM".utf8)
  private static let records: UInt64 = 0x0404

  /// The records of a block that is either; nil where it has none.
  ///
  /// A resource is "8BIM", a number of two bytes, a name and the contents, both with their lengths
  /// before them and of even size.
  static func records(in block: [UInt8]) -> [UInt8]? {
    if block.first == 0x1c { return trimmed(block) }
    var place = block.starts(with: signature) ? signature.count : 0
    while place + 12 <= block.count, block[place..<place + 4].elementsEqual(mark) {
      let number = integer(block[place + 4..<place + 6], littleEndian: false)
      let name = 1 + Int(block[place + 6])
      place += 6 + name + name % 2
      guard place + 4 <= block.count else { return nil }
      let count = Int(integer(block[place..<place + 4], littleEndian: false))
      place += 4
      guard count <= block.count - place else { return nil }
      if number == records { return trimmed(Array(block[place..<place + count])) }
      place += count + count % 2
    }
    return nil
  }

  /// The whole records at the start, without what fills the block up. A record is 0x1c, two numbers
  /// of one byte, the length (or, with the highest bit set, that of the length) and the contents.
  private static func trimmed(_ block: [UInt8]) -> [UInt8]? {
    var place = 0
    while place + 5 <= block.count, block[place] == 0x1c {
      var count = Int(integer(block[place + 3..<place + 5], littleEndian: false))
      var end = place + 5
      if count & 0x8000 != 0 {
        let size = count & 0x7fff
        guard size <= 4, end + size <= block.count else { break }
        count = Int(integer(block[end..<end + size], littleEndian: false))
        end += size
      }
      guard count <= block.count - end else { break }
      place = end + count
    }
    return place == 0 ? nil : Array(block[..<place])
  }

  /// The block that holds the records in a JPEG file.
  static func photoshop(_ records: [UInt8]) -> [UInt8] {
    signature + mark + bytes(UInt16(Self.records), littleEndian: false) + [0, 0]
      + bytes(UInt32(records.count), littleEndian: false) + records
      + (records.count % 2 == 1 ? [0] : [])
  }
}
