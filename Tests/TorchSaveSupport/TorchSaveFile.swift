import Files
import Foundation

/// Writes files as `torch.save` does: a zip archive of uncompressed entries, each tensor's bytes
/// aligned to 64. Tensors are generated one after the other.
public struct TorchSaveFile {
  private let file: AtomicFile
  private var position = 0
  private var directory: [UInt8] = []
  private var count = 0

  /// - Throws: `FileError`.
  public static func write(
    _ value: TorchSaveValue, to path: String, progress: (Int) -> Void = { _ in }
  ) throws {
    let pickle = TorchSavePickle(value)
    var archive = TorchSaveFile(file: try AtomicFile(path))
    try archive.append("archive/data.pkl", pickle.bytes)
    try archive.append("archive/byteorder", Array("little".utf8))
    for (key, tensor) in pickle.tensors.enumerated() {
      var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
      bytes.withUnsafeMutableBytes(tensor.fill)
      try archive.append("archive/data/\(key)", bytes)
      progress(tensor.byteCount)
    }
    try archive.append("archive/version", Array("3\n".utf8))
    try archive.finish()
  }

  private init(file: AtomicFile) { self.file = file }

  /// An entry of less than 4 GiB.
  private mutating func append(_ name: String, _ content: [UInt8]) throws {
    let name = Array(name.utf8)
    let start = position
    var common: [UInt8] = []  // shared by local and central headers
    common.append(contentsOf: [45, 0, 0, 0, 0, 0, 0, 0, 0, 0])  // flags, stored, no time
    common.append(number: CRC32.of(content))
    common.append(number: UInt32(content.count))
    common.append(number: UInt32(content.count))
    common.append(number: UInt16(name.count))

    // A field "FB" fills up to the next multiple of 64.
    let unpadded = start + 30 + name.count + 4
    let padding = (64 - unpadded % 64) % 64
    var local: [UInt8] = [0x50, 0x4b, 3, 4] + common
    local.append(number: UInt16(4 + padding))
    local += name + Array("FB".utf8)
    local.append(number: UInt16(padding))
    local += [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
    try write(local)
    try write(content)

    directory += [0x50, 0x4b, 1, 2, 45, 0] + common
    directory.append(number: UInt16(12))  // extra: 64-bit offset
    directory += [UInt8](repeating: 0, count: 10)  // comment, disk, attributes
    directory.append(number: UInt32.max)
    directory += name
    directory.append(number: UInt16(1))
    directory.append(number: UInt16(8))
    directory.append(number: UInt64(start))
    count += 1
  }

  /// The directory and both end records, of which the old one refers to that of 64 bits.
  private mutating func finish() throws {
    let start = position
    try write(directory)
    var end: [UInt8] = [0x50, 0x4b, 6, 6]
    end.append(number: UInt64(44))
    end += [45, 0, 45, 0] + [UInt8](repeating: 0, count: 8)
    for number in [count, count, directory.count, start] { end.append(number: UInt64(number)) }
    end += [0x50, 0x4b, 6, 7, 0, 0, 0, 0]
    end.append(number: UInt64(start + directory.count))
    end += [1, 0, 0, 0, 0x50, 0x4b, 5, 6, 0, 0, 0, 0]
    end += [UInt8](repeating: 0xff, count: 12) + [0, 0]
    try write(end)
    try file.commit()
  }

  private mutating func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try file.write($0) }
    position += bytes.count
  }
}

extension [UInt8] {
  /// Appends a number, little-endian.
  fileprivate mutating func append(number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
  }
}

/// The checksum of zip archives, eight bytes a step (Kounavis and Berry, 2005).
private enum CRC32 {
  private static let tables: [UInt32] = {
    var tables = (0..<256).map { index in
      (0..<8).reduce(UInt32(index)) { value, _ in
        value >> 1 ^ (value & 1 == 1 ? 0xedb8_8320 : 0)
      }
    }
    for index in 256..<2048 {
      let before = tables[index - 256]
      tables.append(before >> 8 ^ tables[Int(before & 0xff)])
    }
    return tables
  }()

  static func of(_ bytes: [UInt8]) -> UInt32 {
    tables.withUnsafeBufferPointer { tables in
      bytes.withUnsafeBytes { bytes in
        var sum = UInt32.max
        var at = 0
        while at + 8 <= bytes.count {
          let word =
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            ^ UInt64(sum)
          sum = 0
          for byte in 0..<8 {
            sum ^= tables[(7 - byte) << 8 | Int(word >> UInt64(8 * byte) & 0xff)]
          }
          at += 8
        }
        while at < bytes.count {
          sum = sum >> 8 ^ tables[Int((sum ^ UInt32(bytes[at])) & 0xff)]
          at += 1
        }
        return ~sum
      }
    }
  }
}
