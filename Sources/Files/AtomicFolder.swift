import Foundation

/// A folder that is written under a temporary name, flushed, and then renamed in place of an
/// earlier one: a folder of that name is complete, even after a crash.
public enum AtomicFolder {
  /// Writes the folder `path`, in place of an earlier one.
  /// - Parameter fill: writes the contents into the empty folder that it receives.
  /// - Throws: the error of `fill`, or `FileError`; an earlier folder is then still in place.
  public static func write(_ path: String, fill: (_ temporary: String) throws -> Void) throws {
    let files = FileManager.default
    let path = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let (fresh, old) = (hidden(path, "partial"), hidden(path, "old"))
    recover(path)
    do {
      try files.createDirectory(atPath: fresh, withIntermediateDirectories: true)
    } catch {
      throw FileError.unwritable(path: path, reason: "the folder cannot be created")
    }
    guard let claim = claimed(fresh) else {
      throw FileError.unwritable(
        path: path, reason: "another process is writing it; try again later")
    }
    defer {
      try? files.removeItem(atPath: fresh)
      try? files.removeItem(atPath: old)
      close(claim)
    }
    try fill(fresh)
    flushContents(fresh)
    if !exchanged(fresh, path) {
      // Without an atomic exchange the name is free for a moment; `recover` repairs that after a
      // crash.
      if rename(path, old) != 0, errno != ENOENT { throw FileError.system(path) }
      guard rename(fresh, path) == 0 else {
        let error = FileError.system(path)
        rename(old, path)
        throw error
      }
    }
    Descriptor.flush(parentFolder(of: path))
  }

  /// Removes the temporary folders of a process that was killed while it wrote `path`, and restores
  /// the earlier folder's name where it was lost. The folder of a process that is still writing is
  /// left alone.
  public static func recover(_ path: String) {
    let files = FileManager.default
    if files.fileExists(atPath: hidden(path, "partial")) {
      guard let claim = claimed(hidden(path, "partial")) else { return }
      close(claim)
    }
    let old = hidden(path, "old")
    if !files.fileExists(atPath: path) { rename(old, path) }
    try? files.removeItem(atPath: old)
    try? files.removeItem(atPath: hidden(path, "partial"))
  }

  /// `recover` for every folder in `parent`.
  public static func recoverAll(in parent: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    where name.hasPrefix(".") {
      for suffix in [".partial", ".old"] where name.hasSuffix(suffix) {
        recover(parent + "/" + name.dropFirst().dropLast(suffix.count))
      }
    }
  }

  /// The path of the folder that is filled while `path` is written, for other processes that fill
  /// it, too.
  public static func temporaryPath(of path: String) -> String {
    hidden(URL(fileURLWithPath: path).resolvingSymlinksInPath().path, "partial")
  }

  /// A descriptor that locks a folder until it is closed or the process ends; nil where another
  /// process holds the lock.
  private static func claimed(_ folder: String) -> Int32? {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    // On file systems that cannot lock folders, every process succeeds.
    let isTaken = flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    var (locked, named) = (stat(), stat())
    // Another folder may have taken the name between the two calls.
    guard !isTaken, fstat(descriptor, &locked) == 0, stat(folder, &named) == 0,
      locked.st_ino == named.st_ino, locked.st_dev == named.st_dev
    else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  /// "runs/a/model" → "runs/a/.model.partial".
  private static func hidden(_ path: String, _ suffix: String) -> String {
    (parentFolder(of: path) as NSString)
      .appendingPathComponent(".\((path as NSString).lastPathComponent).\(suffix)")
  }

  private static func flushContents(_ folder: String) {
    let names = FileManager.default.enumerator(atPath: folder)
    while let name = names?.nextObject() as? String { Descriptor.flush(folder + "/" + name) }
    Descriptor.flush(folder)
  }

  /// Exchanges two folders atomically, where the system can.
  private static func exchanged(_ fresh: String, _ path: String) -> Bool {
    #if canImport(Glibc)
      // Glibc declares it for programs with GNU extensions only.
      typealias Rename =
        @convention(c) (
          Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
        ) -> Int32
      guard let symbol = dlsym(nil, "renameat2") else { return false }
      let exchange: UInt32 = 2  // RENAME_EXCHANGE of <linux/fs.h>
      return unsafeBitCast(symbol, to: Rename.self)(AT_FDCWD, fresh, AT_FDCWD, path, exchange) == 0
    #else
      return renamex_np(fresh, path, UInt32(RENAME_SWAP)) == 0
    #endif
  }
}
