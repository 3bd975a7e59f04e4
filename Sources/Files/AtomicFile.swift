import Foundation

/// A file that appears under its name only when it is complete: it is written under a temporary
/// name in the same folder, then `commit` flushes it to the disk and gives it the name. Without
/// `commit`, nothing of it is left and an earlier file of that name stays untouched. A symbolic
/// link is followed and kept.
public final class AtomicFile {
  public let path: String
  /// The target of `path` where it is a symbolic link, otherwise `path` itself.
  private let target: String
  private let folder: String
  private let overwrites: Bool
  private let writeBytes: Descriptor.Write
  private var temporary: String?
  private var descriptor: Int32 = -1

  /// - Parameter overwrite: whether an existing file may be replaced.
  /// - Throws: `FileError` where the folder is missing or not writable, or the file exists and may
  ///   not be replaced.
  public convenience init(_ path: String, overwrite: Bool = true) throws {
    try self.init(path, overwrite: overwrite, write: { Foundation.write($0, $1, $2) })
  }

  init(_ path: String, overwrite: Bool = true, write: @escaping Descriptor.Write) throws {
    self.path = path
    overwrites = overwrite
    writeBytes = write
    var status = stat()
    let exists = stat(path, &status) == 0
    if !exists, errno == ENAMETOOLONG { throw FileError.system(path) }
    if exists, status.st_mode & S_IFMT != S_IFREG {
      throw FileError.unwritable(path: path, reason: "it is a folder or a device")
    }
    if exists, !overwrite { throw FileError.exists(path: path) }
    target = exists ? URL(fileURLWithPath: path).resolvingSymlinksInPath().path : path
    folder = parentFolder(of: target)
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw FileError.missingFolder(path: folder)
    }
    guard access(folder, W_OK | X_OK) == 0 else { throw FileError.system(path) }
  }

  deinit { discard() }

  /// Writes a whole file.
  /// - Throws: `FileError`; then an older file is still in place.
  public static func write(_ data: Data, to path: String, overwrite: Bool = true) throws {
    let file = try AtomicFile(path, overwrite: overwrite)
    try data.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  /// Appends bytes.
  /// - Throws: `FileError`, for example when the disk is full.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    if descriptor < 0 { try create(extension: "tmp") }
    try Descriptor.write(bytes, to: descriptor, path: path, by: writeBytes)
  }

  /// Sets where the next `write` goes, in bytes from the beginning of the file; gaps read as zeros.
  public func seek(to offset: Int) throws {
    if descriptor < 0 { try create(extension: "tmp") }
    guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw FileError.system(path) }
  }

  /// The temporary file's path, for libraries that take paths.
  /// - Parameter suffix: its extension.
  public func temporaryPath(extension suffix: String) throws -> String {
    if descriptor < 0 { try create(extension: suffix) }
    return temporary!
  }

  /// The number of bytes written so far.
  /// - Throws: `FileError` where the temporary file cannot be examined.
  public var byteCount: Int {
    get throws {
      guard descriptor >= 0 else { return 0 }
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw FileError.system(path) }
      return Int(status.st_size)
    }
  }

  /// An unnamed file beside the target, for data that is kept until the target can be written.
  public func scratch(bytes: Int) throws -> ScratchFile {
    try ScratchFile(in: folder, reserving: bytes, for: path)
  }

  /// Gives the complete file its name.
  /// - Throws: `FileError`; then the older file, if any, is still in place.
  public func commit() throws {
    if descriptor < 0 { try create(extension: "tmp") }
    guard fsync(descriptor) == 0 else { throw FileError.system(path) }
    var status = stat()
    if stat(target, &status) == 0 {
      guard overwrites else { throw FileError.exists(path: path) }
      chmod(temporary!, status.st_mode & 0o7777)
    }
    // A hard link fails where the name exists, so nothing is replaced even in a race.
    if !overwrites {
      guard link(temporary!, target) != 0 else { return discard() }
      if errno == EEXIST { throw FileError.exists(path: path) }
      // Without hard links, the check above has to suffice.
    }
    guard rename(temporary!, target) == 0 else { throw FileError.system(path) }
    temporary = nil
    discard()
    Descriptor.flush(folder)
  }

  /// Removes the temporary file, if there is one.
  public func discard() {
    if descriptor >= 0 { close(descriptor) }
    if let temporary { unlink(temporary) }
    (temporary, descriptor) = (nil, -1)
  }

  /// The error for a write that a library reports as failed. Whether the disk is full is read from
  /// the file system, since the reasons of libvips may come from another thread.
  public func failure(_ reason: String) -> FileError {
    freeBytes < 1 << 16
      ? .diskFull(path: path) : .unwritable(path: path, reason: reason)
  }

  private var freeBytes: UInt64 {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return .max }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }

  private func create(extension suffix: String) throws {
    do {
      (temporary, descriptor) = try Descriptor.create(in: folder, extension: suffix)
    } catch FileError.unwritable(_, let reason) {
      throw FileError.unwritable(path: path, reason: reason)
    } catch FileError.diskFull {
      throw FileError.diskFull(path: path)
    }
  }
}
