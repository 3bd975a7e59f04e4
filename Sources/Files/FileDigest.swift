import Foundation

/// Digests that identify files.
public enum FileDigest {
  /// The SHA-256 of a file (FIPS 180-4) as 64 hexadecimal digits.
  /// - Parameters:
  ///   - path: the file.
  ///   - progress: called with the number of bytes after each block; an error thrown here stops the
  ///     work.
  /// - Throws: `FileError` where the file cannot be read.
  public static func sha256(
    _ path: String, progress: (Int) throws -> Void = { _ in }
  ) throws -> String {
    try RunningDigest([path]).finish(progress: progress).sha256[0]
  }

  /// The MD5 (RFC 1321) of bytes in memory as 32 hexadecimal digits; it detects accidental changes,
  /// not forgeries.
  /// - Parameter bytes: the input of the digest.
  public static func md5(_ bytes: UnsafeRawBufferPointer) -> String {
    let sum = Checksum(.md5)
    sum.update(bytes)
    return sum.digits
  }
}
