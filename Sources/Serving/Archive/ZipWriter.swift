import CZlib
import Foundation

/// Writes a ZIP file sequentially. Files are stored uncompressed, since pictures do not compress
/// further. Sizes and checksums precede the contents, so that any program can read the archive as a
/// stream.
///
/// Follows PKWARE's APPNOTE 6.3.10; 64-bit fields are used where 32-bit ones are too small.
struct ZipWriter {
  struct File {
    /// Must be unique within the archive.
    let name: String
    let size: Int
    /// The CRC-32 of the contents.
    let sum: UInt32
    let date: Date
  }

  private var files: [(file: File, offset: Int)] = []
  /// The number of bytes written.
  private var count: Int

  /// - Parameter count: the number of bytes that precede the archive.
  init(count: Int = 0) { self.count = count }

  private static let large = 0xffff_ffff
  /// The versions of the format required to read a file: 2.0, or 4.5 with 64-bit fields.
  private static let (version, largeVersion) = (20, 45)
  /// Bit 11: names are UTF-8.
  private static let flags = 0x0800

  /// The header of a file, which the file's contents must follow.
  mutating func begin(_ file: File) -> Data {
    let isLarge = file.size >= Self.large
    var extra = ZipRecord()
    if isLarge {
      extra.append(1, 2)
      extra.append(16, 2)
      extra.append(file.size, 8)
      extra.append(file.size, 8)
    }
    extra.appendTime(file.date)
    var record = ZipRecord()
    record.append(0x0403_4b50, 4)
    record.append(isLarge ? Self.largeVersion : Self.version, 2)
    append(file, to: &record)
    record.append(isLarge ? Self.large : file.size, 4)
    record.append(isLarge ? Self.large : file.size, 4)
    record.append(file.name.utf8.count, 2)
    record.append(extra.bytes.count, 2)
    record.bytes += Data(file.name.utf8) + extra.bytes
    files.append((file, count))
    count += record.bytes.count + file.size
    return record.bytes
  }

  /// The central directory, which ends the archive.
  func end() -> Data {
    var record = ZipRecord()
    for (file, offset) in files { append(file, at: offset, to: &record) }
    let size = record.bytes.count
    if files.count >= 0xffff || size >= Self.large || count >= Self.large {
      let end = count + size
      record.append(0x0606_4b50, 4)
      record.append(44, 8)
      record.append(Self.unix | Self.largeVersion, 2)
      record.append(Self.largeVersion, 2)
      record.append(0, 4)
      record.append(0, 4)
      for number in [files.count, files.count, size, count] { record.append(number, 8) }
      record.append(0x0706_4b50, 4)
      record.append(0, 4)
      record.append(end, 8)
      record.append(1, 4)
    }
    record.append(0x0605_4b50, 4)
    record.append(0, 2)
    record.append(0, 2)
    for number in [files.count, files.count] { record.append(min(number, 0xffff), 2) }
    for number in [size, count] { record.append(min(number, Self.large), 4) }
    record.append(0, 2)
    return record.bytes
  }

  /// The host system (Unix) that defines the permissions in the directory.
  private static let unix = 3 << 8

  private func append(_ file: File, at offset: Int, to record: inout ZipRecord) {
    let large = [file.size, file.size, offset].filter { $0 >= Self.large }
    var extra = ZipRecord()
    if !large.isEmpty {
      extra.append(1, 2)
      extra.append(8 * large.count, 2)
      for number in large { extra.append(number, 8) }
    }
    extra.appendTime(file.date)
    record.append(0x0201_4b50, 4)
    record.append(Self.unix | Self.largeVersion, 2)
    record.append(large.isEmpty ? Self.version : Self.largeVersion, 2)
    append(file, to: &record)
    record.append(min(file.size, Self.large), 4)
    record.append(min(file.size, Self.large), 4)
    record.append(file.name.utf8.count, 2)
    record.append(extra.bytes.count, 2)
    record.append(0, 2)  // comment
    record.append(0, 2)  // disk
    record.append(0, 2)
    record.append(0o100644 << 16, 4)
    record.append(min(offset, Self.large), 4)
    record.bytes += Data(file.name.utf8) + extra.bytes
  }

  /// The fields that the local header and the directory share, up to the sizes.
  private func append(_ file: File, to record: inout ZipRecord) {
    record.append(Self.flags, 2)
    record.append(0, 2)  // stored
    let (date, time) = Self.dosTime(file.date)
    record.append(time, 2)
    record.append(date, 2)
    record.append(Int(file.sum), 4)
  }

  /// The date and the time in MS-DOS's format, in universal time, to two seconds; dates outside of
  /// its range become its first or last moment.
  private static func dosTime(_ date: Date) -> (date: Int, time: Int) {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents(
      [.year, .month, .day, .hour, .minute, .second], from: date)
    guard parts.year! >= 1980 else { return (1 << 5 | 1, 0) }
    guard parts.year! <= 2107 else { return (127 << 9 | 12 << 5 | 31, 23 << 11) }
    return (
      (parts.year! - 1980) << 9 | parts.month! << 5 | parts.day!,
      parts.hour! << 11 | parts.minute! << 5 | parts.second! / 2
    )
  }

  /// The CRC-32 of some bytes.
  /// - Parameter sum: the CRC-32 of the bytes before them.
  static func sum(_ bytes: Data, after sum: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { bytes in
      let start = bytes.bindMemory(to: UInt8.self).baseAddress
      return UInt32(truncatingIfNeeded: crc32(uLong(sum), start, uInt(bytes.count)))
    }
  }
}

/// Little-endian fields.
private struct ZipRecord {
  var bytes = Data()

  mutating func append(_ number: Int, _ count: Int) {
    for i in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * i))) }
  }

  /// Info-ZIP's extended timestamp: seconds since 1970.
  mutating func appendTime(_ date: Date) {
    append(0x5455, 2)
    append(5, 2)
    append(1, 1)
    append(Int(Int32(clamping: Int(date.timeIntervalSince1970))), 4)
  }
}
