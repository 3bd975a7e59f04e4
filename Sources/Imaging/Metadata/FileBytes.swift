import Files
import Foundation

/// Random access to the bytes of a file or of a block in memory; nil beyond the end.
typealias ByteSource = (_ offset: Int, _ count: Int) -> [UInt8]?

/// An open file, which is not mapped: if another program truncated a mapped file, reading it would
/// end the process.
struct FileBytes {
  let descriptor: Int32
  let count: Int

  init(descriptor: Int32) {
    var status = stat()
    self.descriptor = descriptor
    count = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  func read(_ offset: Int, _ count: Int) -> [UInt8]? {
    guard offset >= 0, count >= 0, count <= self.count, offset <= self.count - count else {
      return nil
    }
    var done = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
      while done < count {
        let n = pread(descriptor, buffer.baseAddress! + done, count - done, off_t(offset + done))
        if n < 0 && errno == EINTR { continue }
        if n <= 0 { break }
        done += n
      }
      initialised = done
    }
    return done == count ? bytes : nil
  }
}

/// The reason why a picture could not be encoded.
struct EncodingFailure: Error {
  let reason: String
}

extension AtomicFile {
  func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

  /// Appends a part of another file.
  func copy(_ range: Range<Int>, of source: FileBytes) throws {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
      try append(try source.required(start, min(1 << 20, range.upperBound - start)))
    }
  }
}

extension FileBytes {
  /// The bytes, which a file that has just been written must contain.
  func required(_ offset: Int, _ count: Int) throws -> [UInt8] {
    guard let bytes = read(offset, count) else {
      throw EncodingFailure(reason: "the encoded file is not as expected")
    }
    return bytes
  }

  /// Writes bytes at an offset. Throws `EncodingFailure`.
  func overwrite(_ offset: Int, _ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
      let n = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(offset + done))
      }
      if n < 0 {
        if errno == EINTR { continue }
        throw EncodingFailure(reason: String(cString: strerror(errno)))
      }
      done += n
    }
  }
}

/// The bytes of an integer in an order.
func bytes<T: FixedWidthInteger>(_ value: T, littleEndian: Bool) -> [UInt8] {
  withUnsafeBytes(of: littleEndian ? value.littleEndian : value.bigEndian) { Array($0) }
}

/// An unsigned integer of up to eight bytes.
func integer(_ bytes: some Sequence<UInt8>, littleEndian: Bool) -> UInt64 {
  let ordered = littleEndian ? Array(bytes.reversed()) : Array(bytes)
  return ordered.reduce(0) { $0 << 8 | UInt64($1) }
}
