/// The directory of a zip archive (PKWARE APPNOTE, with its 64-bit extension) whose entries are
/// stored without compression, as PyTorch writes them.
struct ZipArchive {
  /// The places of the entries' bytes in the file.
  private(set) var entries: [String: Range<Int>] = [:]

  /// Why a file is not an archive that can be read.
  struct FormatError: Error { let reason: String }

  private static let endRecord = 22

  /// - Throws: `FormatError` for anything that does not lie inside of `bytes`.
  init(_ bytes: JoinedBytes) throws {
    let directory = try ZipArchive.directory(bytes)
    var found: [String: Range<Int>] = [:]
    try bytes.withBytes(directory.range.lowerBound, directory.range.count) { part in
      var cursor = ByteCursor(part, at: 0)
      for _ in 0..<directory.count {
        let (name, range) = try ZipArchive.entry(bytes, &cursor)
        if name.hasSuffix("/") { continue }
        guard found.updateValue(range, forKey: name) == nil else {
          throw FormatError(reason: "two entries are called \(quoted(name))")
        }
      }
    }
    entries = found
  }

  /// The end record, which a comment of up to 65535 bytes may follow, names the directory.
  private static func directory(_ bytes: JoinedBytes) throws -> (range: Range<Int>, count: Int) {
    let truncated = FormatError(reason: "has no directory at its end; the file is truncated")
    guard bytes.count >= endRecord else { throw truncated }
    // With room for what tells the place of a record of 64 bits, in front of the end record.
    let length = min(bytes.count, endRecord + 0xffff + 20)
    return try bytes.withBytes(bytes.count - length, length) { tail in
      let earliest = max(0, length - endRecord - 0xffff)
      var at = length - endRecord
      while try ByteCursor(tail, at: at).peek(UInt32.self) != 0x0605_4b50 {
        guard at > earliest else { throw truncated }
        at -= 1
      }
      var record = ByteCursor(tail, at: at + 10)
      var count = UInt64(try record.read(UInt16.self))
      var size = UInt64(try record.read(UInt32.self))
      var offset = UInt64(try record.read(UInt32.self))
      if count == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff {
        var locator = try ByteCursor(tail, at: at).moved(by: -20)
        guard try locator.read(UInt32.self) == 0x0706_4b50 else { throw truncated }
        try locator.skip(4)
        guard let start = Int(exactly: try locator.read(UInt64.self)) else { throw truncated }
        try bytes.withBytes(start, 56) { part in
          var wide = ByteCursor(part, at: 0)
          guard try wide.read(UInt32.self) == 0x0606_4b50 else { throw truncated }
          try wide.skip(28)
          count = try wide.read(UInt64.self)
          size = try wide.read(UInt64.self)
          offset = try wide.read(UInt64.self)
        }
      }
      let (end, overflow) = offset.addingReportingOverflow(size)
      guard !overflow, end <= bytes.count, count <= size / 46 else {
        throw FormatError(reason: "has a directory outside of the file; the file is truncated")
      }
      return (Int(offset)..<Int(end), Int(count))
    }
  }

  private static func entry(
    _ bytes: JoinedBytes, _ cursor: inout ByteCursor
  ) throws -> (String, Range<Int>) {
    guard try cursor.read(UInt32.self) == 0x0201_4b50 else {
      throw FormatError(reason: "has a damaged directory")
    }
    try cursor.skip(4)
    let flags = try cursor.read(UInt16.self)
    let method = try cursor.read(UInt16.self)
    try cursor.skip(8)
    var packed = UInt64(try cursor.read(UInt32.self))
    var size = UInt64(try cursor.read(UInt32.self))
    let nameLength = Int(try cursor.read(UInt16.self))
    let extraLength = Int(try cursor.read(UInt16.self))
    let commentLength = Int(try cursor.read(UInt16.self))
    try cursor.skip(8)
    var offset = UInt64(try cursor.read(UInt32.self))
    let name = String(decoding: try cursor.take(nameLength), as: UTF8.self)
    var extra = ByteCursor(try cursor.take(extraLength), at: 0)
    try cursor.skip(commentLength)
    while extra.remaining >= 4 {
      let tag = try extra.read(UInt16.self)
      var field = ByteCursor(try extra.take(Int(try extra.read(UInt16.self))), at: 0)
      guard tag == 1 else { continue }
      if size == 0xffff_ffff { size = try field.read(UInt64.self) }
      if packed == 0xffff_ffff { packed = try field.read(UInt64.self) }
      if offset == 0xffff_ffff { offset = try field.read(UInt64.self) }
    }
    guard method == 0, flags & 1 == 0, packed == size else {
      throw FormatError(
        reason: "entry \(quoted(name)) is compressed or encrypted, expected stored bytes")
    }
    guard let start = Int(exactly: offset), let length = Int(exactly: size) else {
      throw FormatError(reason: "entry \(quoted(name)) lies outside of the file")
    }
    let header = 30
    let names = try bytes.withBytes(start, header) { part in
      var local = ByteCursor(part, at: 0)
      guard try local.read(UInt32.self) == 0x0403_4b50 else {
        throw FormatError(reason: "entry \(quoted(name)) has a damaged header")
      }
      try local.skip(22)
      return Int(try local.read(UInt16.self)) + Int(try local.read(UInt16.self))
    }
    let first = start + header + names
    guard first <= bytes.count, length <= bytes.count - first else {
      throw FormatError(reason: "entry \(quoted(name)) lies outside of the file; it is truncated")
    }
    return (name, first..<(first + length))
  }
}

/// Reads little-endian numbers, never beyond the end.
struct ByteCursor {
  struct EndReached: Error {}

  let bytes: UnsafeRawBufferPointer
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, at position: Int) {
    self.bytes = bytes
    self.position = position
  }

  var remaining: Int { max(0, bytes.count - position) }

  func peek<Number: FixedWidthInteger>(_: Number.Type) throws -> Number {
    guard position >= 0, remaining >= MemoryLayout<Number>.size else { throw EndReached() }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
  }

  mutating func read<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
    let number = try peek(type)
    position += MemoryLayout<Number>.size
    return number
  }

  mutating func skip(_ count: Int) throws { _ = try take(count) }

  func moved(by offset: Int) throws -> ByteCursor {
    guard (0...bytes.count).contains(position + offset) else { throw EndReached() }
    return ByteCursor(bytes, at: position + offset)
  }

  /// The next `count` bytes, sharing memory.
  mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, position >= 0, count <= remaining else { throw EndReached() }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
  }

  /// The bytes before the next line feed, which is skipped.
  mutating func line() throws -> UnsafeRawBufferPointer {
    guard let end = bytes[min(position, bytes.count)...].firstIndex(of: 0x0a) else {
      throw EndReached()
    }
    let line = try take(end - position)
    try skip(1)
    return line
  }
}
