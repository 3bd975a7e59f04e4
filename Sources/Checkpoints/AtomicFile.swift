import Foundation

/// A file that appears under its name only when it is complete: bytes go to a temporary file in the same
/// folder, `commit` flushes it to the disk and renames it. Dropped without `commit`, the temporary file is
/// removed and whatever had the name before is untouched.
final class AtomicFile {
  /// As the system call `write`; replaceable so that tests can fill the disk.
  typealias Write = (Int32, UnsafeRawPointer, Int) -> Int

  private let path: String
  /// What `path` leads to when it is a symbolic link.
  private let target: String
  private let temporary: String
  private let writeBytes: Write
  private var descriptor: Int32

  /// - Throws: `CheckpointError` when the folder does not exist or cannot be written.
  init(_ path: String, write: @escaping Write = { Foundation.write($0, $1, $2) }) throws {
    self.path = path
    writeBytes = write
    target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: target, isDirectory: &isFolder), isFolder.boolValue {
      throw CheckpointError(path, "cannot be written: it is a folder")
    }
    temporary = "\(target).\(UInt32.random(in: .min ... .max)).tmp"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw CheckpointError.system(path, "cannot be written") }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporary)
  }

  /// Appends `bytes`.
  /// - Throws: `CheckpointError`, for example when the disk is full.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = writeBytes(descriptor, rest.baseAddress!, min(rest.count, 1 << 30))
      if count < 0 {
        if errno == EINTR { continue }
        throw CheckpointError.system(path, "cannot be written")
      }
      guard count > 0 else {
        throw CheckpointError(path, "cannot be written: the device takes no more")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Gives the complete file its name.
  /// - Throws: `CheckpointError`; then the old file, if any, is still in place.
  func commit() throws {
    guard fsync(descriptor) == 0 else { throw CheckpointError.system(path, "cannot be flushed") }
    guard rename(temporary, target) == 0 else {
      throw CheckpointError.system(path, "cannot be replaced")
    }
    close(descriptor)
    descriptor = -1
    let folder = open((target as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }
}
