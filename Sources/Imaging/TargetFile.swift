import Foundation

/// A file that appears under its name only once it is complete.
final class TargetFile {
  let path: String
  /// The path with a final symbolic link followed, so that overwriting keeps the link.
  private let resolved: String
  private let folder: String
  private let overwrite: Bool
  private var temporaryPath: String?

  /// Throws `ImagingError` where the folder is missing or the target exists and may not be
  /// replaced.
  init(_ path: String, overwrite: Bool) throws {
    self.path = path
    self.overwrite = overwrite
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT != S_IFREG {
      throw ImagingError.unwritable(path: path, reason: "it is a folder or a device")
    }
    if exists, !overwrite { throw ImagingError.exists(path: path) }
    resolved = exists ? URL(fileURLWithPath: path).resolvingSymlinksInPath().path : path
    let parent = (resolved as NSString).deletingLastPathComponent
    folder = parent.isEmpty ? "." : parent
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw ImagingError.missingFolder(path: folder)
    }
    guard access(folder, W_OK | X_OK) == 0 else {
      throw ImagingError.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  }

  deinit { discard() }

  /// Opens an unnamed file of the given size in the target's folder. The caller closes it.
  func scratch(bytes: Int) throws -> Int32 {
    let (name, descriptor) = try create(extension: "rows")
    unlink(name)
    #if canImport(Glibc)
      // Reserving the space now finds a full disk before hours of work, not after them.
      let status = posix_fallocate(descriptor, 0, off_t(bytes))
      if status == ENOSPC || status == EFBIG {
        close(descriptor)
        throw ImagingError.diskFull(path: path)
      }
    #endif
    return descriptor
  }

  /// Creates the temporary file that `commit()` turns into the target.
  func temporary(extension suffix: String) throws -> String {
    let (name, descriptor) = try create(extension: suffix)
    close(descriptor)
    temporaryPath = name
    return name
  }

  /// Gives the temporary file the target's name, atomically.
  func commit() throws {
    guard let temporaryPath else { return }
    let descriptor = open(temporaryPath, O_RDWR)
    let synced = descriptor >= 0 && fsync(descriptor) == 0
    let reason = String(cString: strerror(errno))
    if descriptor >= 0 { close(descriptor) }
    guard synced else { throw failure(reason) }

    if !overwrite {
      // A hard link fails where the name exists, so nothing is replaced even in a race.
      if link(temporaryPath, resolved) == 0 {
        discard()
        return
      }
      if errno == EEXIST { throw ImagingError.exists(path: path) }
      if access(resolved, F_OK) == 0 { throw ImagingError.exists(path: path) }
    } else {
      var status = stat()
      if stat(resolved, &status) == 0 { chmod(temporaryPath, status.st_mode & 0o7777) }
    }
    guard rename(temporaryPath, resolved) == 0 else {
      throw failure(String(cString: strerror(errno)))
    }
    self.temporaryPath = nil
  }

  /// Removes the temporary file, if there is one.
  func discard() {
    if let temporaryPath { unlink(temporaryPath) }
    temporaryPath = nil
  }

  /// The error for a failed write; tells a full disk from other reasons.
  func failure(_ reason: String) -> ImagingError {
    if reason.contains("No space left") || freeBytes < 1 << 16 {
      return .diskFull(path: path)
    }
    return .unwritable(path: path, reason: reason)
  }

  private var freeBytes: UInt64 {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return .max }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }

  private func create(extension suffix: String) throws -> (String, Int32) {
    for _ in 0..<16 {
      let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
      let name = (folder as NSString).appendingPathComponent(".nsarm-\(random).\(suffix)")
      let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (name, descriptor) }
      if errno != EEXIST { break }
    }
    throw failure(String(cString: strerror(errno)))
  }
}
