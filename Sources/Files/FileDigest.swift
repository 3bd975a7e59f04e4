import CGLib
import Foundation

/// Digests of files, by which it can be told later which file something was made from.
public enum FileDigest {
  /// The SHA-256 of a file (FIPS 180-4) as 64 hexadecimal digits.
  /// - Parameter progress: called with the number of bytes after each block; an error thrown here
  ///   stops the work.
  /// - Throws: `FileError` where the file cannot be read.
  public static func sha256(
    _ path: String, progress: (Int) throws -> Void = { _ in }
  ) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.unreadable(path) }
    defer { close(descriptor) }
    let sum = g_checksum_new(G_CHECKSUM_SHA256)
    defer { g_checksum_free(sum) }
    try forEachBlock(descriptor, path) { block in
      g_checksum_update(sum, block.baseAddress, gssize(block.count))
      try progress(block.count)
    }
    return String(cString: g_checksum_get_string(sum))
  }

  /// Reads an open file from where it stands to its end.
  static func forEachBlock(
    _ descriptor: Int32, _ path: String, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
  ) throws {
    var buffer = [UInt8](repeating: 0, count: 1 << 22)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.unreadable(path) }
      guard count > 0 else { return }
      try buffer.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[..<count])) }
    }
  }
}

extension ScratchFile {
  /// Appends all of a file.
  /// - Parameter progress: as in `FileDigest.sha256`.
  /// - Throws: `FileError` where it cannot be read or the disk is full.
  public func append(
    contentsOf path: String, progress: (Int) throws -> Void = { _ in }
  ) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.unreadable(path) }
    defer { close(descriptor) }
    try FileDigest.forEachBlock(descriptor, path) { block in
      try append(UnsafeRawBufferPointer(block))
      try progress(block.count)
    }
  }
}
