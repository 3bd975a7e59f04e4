import Foundation

/// A file without a name, which disappears with the process at the latest.
public final class ScratchFile {
  /// The open file.
  public let descriptor: Int32
  /// The path that errors name.
  private let owner: String

  /// - Parameters:
  ///   - folder: a folder with enough free space.
  ///   - bytes: the number of bytes that will be written; a full disk is detected now rather than
  ///     after hours of work.
  ///   - owner: the path that errors name; nil: the folder.
  /// - Throws: `FileError` where the folder is not writable or has not enough room.
  public init(in folder: String, reserving bytes: Int, for owner: String? = nil) throws {
    self.owner = owner ?? folder
    let (name, descriptor) = try Descriptor.create(in: folder, extension: "scratch")
    self.descriptor = descriptor
    unlink(name)
    #if canImport(Glibc)
      let status = posix_fallocate(descriptor, 0, off_t(bytes))
      if status == ENOSPC || status == EFBIG { throw FileError.diskFull(path: self.owner) }
    #endif
  }

  deinit { close(descriptor) }

  /// Appends bytes.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    try Descriptor.write(bytes, to: descriptor, path: owner)
  }

  /// Fills `bytes` from the file's contents at `offset`.
  public func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = pread(
        descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw FileError.unwritable(
          path: owner, reason: "its temporary file lost rows: \(String(cString: strerror(errno)))")
      }
      done += count
    }
  }
}
