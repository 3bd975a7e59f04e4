import Foundation

/// The digests of a file or of its parts, computed in steps. A caller that reads a large file from
/// beginning to end advances the digest ahead of its reading, so that the disk is read once for
/// both.
public final class RunningDigest {
  /// The digests.
  public struct Sums: Equatable, Sendable {
    /// The SHA-256 of every file (FIPS 180-4), as 64 hexadecimal digits each.
    public let sha256: [String]
    /// The MD5 of the concatenated files (RFC 1321), as 32 hexadecimal digits, where it was
    /// requested.
    public let joinedMD5: String?
  }

  private let paths: [String]
  private let joined: Checksum?
  private var finished: [String] = []
  private var current: (descriptor: Int32, sum: Checksum)?
  private var position = 0
  private var buffer = [UInt8](repeating: 0, count: 1 << 22)

  /// - Parameters:
  ///   - paths: the files, in order.
  ///   - joinedMD5: whether to compute the MD5 of the concatenated files as well.
  public init(_ paths: [String], joinedMD5: Bool = false) {
    self.paths = paths
    joined = joinedMD5 ? Checksum(.md5) : nil
  }

  deinit { if let current { close(current.descriptor) } }

  /// Reads on to `end`, in bytes from the beginning of the first file; never backwards.
  /// - Parameters:
  ///   - end: where to stop; positions beyond the last file are allowed.
  ///   - progress: called with the number of bytes after each block; an error thrown here stops the
  ///     work, which may be continued later.
  /// - Throws: `FileError` where a file cannot be read.
  public func advance(to end: Int, progress: (Int) throws -> Void = { _ in }) throws {
    while position < end, finished.count < paths.count {
      let path = paths[finished.count]
      if current == nil {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError.unreadable(path) }
        current = (descriptor, Checksum(.sha256))
      }
      let (descriptor, sum) = current!
      let wanted = min(buffer.count, end - position)
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, wanted) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError.unreadable(path) }
      guard count > 0 else {
        close(descriptor)
        finished.append(sum.digits)
        current = nil
        continue
      }
      buffer.withUnsafeBytes { bytes in
        let block = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        sum.update(block)
        joined?.update(block)
      }
      position += count
      try progress(count)
    }
  }

  /// Reads the remaining bytes and returns the digests.
  /// - Parameter progress: as for `advance`.
  /// - Throws: `FileError` where a file cannot be read.
  public func finish(progress: (Int) throws -> Void = { _ in }) throws -> Sums {
    try advance(to: .max, progress: progress)
    return Sums(sha256: finished, joinedMD5: joined?.digits)
  }
}
