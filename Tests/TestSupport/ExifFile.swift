import Foundation

/// EXIF blocks, written and read independently of the library: a tag's bytes by the path of
/// directories.
public struct ExifFile {
  /// Tag 0x10f of the first directory is "0/10f"; "exif/..." and "gps/..." are its subdirectories,
  /// "1/..." the thumbnail's directory.
  public private(set) var tags: [String: (type: Int, bytes: [UInt8])] = [:]

  public static let makerNote = Array("Maker: counts from the start of the block".utf8)

  /// A big-endian block as a camera writes it: orientation 6, 300 pixels per inch, a size, a
  /// maker's note at offset 1000, the location, a thumbnail.
  public static func camera() -> [UInt8] {
    typealias Entry = (tag: Int, type: Int, bytes: [UInt8])
    func short(_ v: Int) -> [UInt8] { [UInt8(v >> 8), UInt8(v & 255)] }
    func long(_ v: Int) -> [UInt8] { short(v >> 16) + short(v & 0xffff) }
    func ratio(_ a: Int, _ b: Int) -> [UInt8] { long(a) + long(b) }
    func directory(_ entries: [Entry], next: Int = 0, at place: Int) -> [UInt8] {
      var (table, behind) = (short(entries.count), [UInt8]())
      for (tag, type, bytes) in entries {
        let size = [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1][type]!
        table += short(tag) + short(type) + long(bytes.count / size)
        if bytes.count <= 4 {
          table += bytes + [UInt8](repeating: 0, count: 4 - bytes.count)
        } else {
          table += long(place + 2 + 12 * entries.count + 4 + behind.count)
          behind += bytes + (bytes.count % 2 == 1 ? [0] : [])
        }
      }
      return table + long(next) + behind
    }
    var file = Array("MM".utf8) + short(42) + long(8)
    file += directory(
      [
        (0x10f, 2, Array("Camera maker\0".utf8)), (0x112, 3, short(6)), (0x11a, 5, ratio(300, 1)),
        (0x11b, 5, ratio(300, 1)), (0x128, 3, short(2)), (0x13b, 2, Array("Jörg\0".utf8)),
        (0x8769, 4, long(200)), (0x8825, 4, long(600)),
      ], next: 700, at: 8)
    func pad(to count: Int) { file += [UInt8](repeating: 0, count: count - file.count) }
    pad(to: 200)
    var exif = directory(
      [
        (0x829d, 5, ratio(28, 10)), (0x9003, 2, Array("2024:05:01 10:11:12\0".utf8)),
        (0x9214, 3, short(10) + short(12)), (0x927c, 7, makerNote), (0xa002, 3, short(48)),
        (0xa003, 3, short(32)),
      ], at: 200)
    // The maker's note's offset, in the entry's last four bytes: 1000.
    exif.replaceSubrange(2 + 3 * 12 + 8..<2 + 4 * 12, with: long(1000))
    file += exif
    pad(to: 600)
    file += directory(
      [(0x1, 2, Array("N\0".utf8)), (0x2, 5, ratio(48, 1) + ratio(12, 1) + ratio(0, 1))], at: 600)
    pad(to: 700)
    file += directory([(0x103, 3, short(6)), (0x201, 4, long(800)), (0x202, 4, long(9))], at: 700)
    pad(to: 800)
    file += Array("THUMBNAIL".utf8)
    pad(to: 1000)
    return file + makerNote
  }

  /// Reads a block, or the directories of a TIFF file.
  public init(_ bytes: [UInt8]) {
    let little = bytes[0] == 0x49
    func number(_ place: Int, _ count: Int) -> Int {
      let part = bytes[place..<place + count]
      return (little ? part.reversed() : Array(part)).reduce(0) { $0 << 8 | Int($1) }
    }
    func read(_ name: String, at place: Int) -> Int {
      let count = number(place, 2)
      for i in 0..<count {
        let entry = place + 2 + 12 * i
        let (tag, type) = (number(entry, 2), number(entry + 2, 2))
        let size =
          number(entry + 4, 4) * [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1][type, default: 0]
        let start = size <= 4 ? entry + 8 : number(entry + 8, 4)
        tags["\(name)/\(String(tag, radix: 16))"] = (type, Array(bytes[start..<start + size]))
        if tag == 0x8769 { _ = read("exif", at: number(entry + 8, 4)) }
        if tag == 0x8825 { _ = read("gps", at: number(entry + 8, 4)) }
      }
      return number(place + 2 + 12 * count, 4)
    }
    littleEndian = little
    let next = read("0", at: number(4, 4))
    if next != 0 { _ = read("1", at: next) }
  }

  private let littleEndian: Bool

  /// The first numbers of a tag of SHORT, LONG or RATIONAL (numerator and denominator).
  public func numbers(_ name: String) -> [Int]? {
    guard let (type, bytes) = tags[name] else { return nil }
    let size = type == 3 ? 2 : 4
    return stride(from: 0, to: bytes.count, by: size).map {
      let part = bytes[$0..<$0 + size]
      return (littleEndian ? part.reversed() : Array(part)).reduce(0) { $0 << 8 | Int($1) }
    }
  }

  public func text(_ name: String) -> String? {
    tags[name].map { String(decoding: $0.bytes.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
