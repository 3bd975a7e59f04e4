import Foundation
import Synchronization

/// A folder of this user for temporary files, which is removed with its contents.
public final class TemporaryFolder: Sendable {
  public let path: String
  /// A descriptor of the folder, locked while the folder is in use; folders of killed processes are
  /// not locked.
  private let lock: Int32

  /// - Parameter parent: nil: the system's folder for temporary files.
  /// - Throws: `FileError` where the parent is not writable.
  public init(in parent: String? = nil) throws {
    path = "\(parent ?? Self.parent.path)/\(Self.prefix)\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw FileError.unwritable(
        path: path, reason: "the folder cannot be created; TMPDIR may name another place")
    }
    lock = Self.locked(path)
    Self.inUse.withLock { _ = $0.insert(path) }
  }

  deinit {
    remove()
    if lock >= 0 { close(lock) }
  }

  public func remove() {
    try? FileManager.default.removeItem(atPath: path)
    Self.inUse.withLock { _ = $0.remove(path) }
  }

  private static let inUse = Mutex<Set<String>>([])

  /// Removes all temporary folders of a process that ends in the midst of its work.
  public static func removeAll() {
    for path in inUse.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
  }

  private static var parent: URL { FileManager.default.temporaryDirectory }
  private static let prefix = "nsarm-"

  /// - Returns: a locked descriptor of the folder, or -1 where another user owns it or it is in
  ///   use.
  private static func locked(_ path: String) -> Int32 {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { return -1 }
    guard flock(folder, LOCK_EX | LOCK_NB) == 0 else {
      close(folder)
      return -1
    }
    return folder
  }

  /// Removes the temporary folders of this user that killed processes have left behind.
  ///
  /// - Parameters:
  ///   - parent: nil: the system's folder for temporary files.
  ///   - age: the least number of seconds since a folder was changed; a folder that has just been
  ///     created is locked a moment later.
  public static func removeLeftOver(in parent: String? = nil, age: Double = 60) {
    let parent = parent ?? Self.parent.path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    for name in names where name.hasPrefix(prefix) {
      guard UUID(uuidString: String(name.dropFirst(prefix.count))) != nil else { continue }
      let path = "\(parent)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
        status.st_uid == geteuid(),
        Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec) >= age
      else { continue }
      let folder = locked(path)
      guard folder >= 0 else { continue }
      try? FileManager.default.removeItem(atPath: path)
      close(folder)
    }
  }

  /// Calls `body` with the path of a folder that is removed afterwards.
  public static func with<Result>(_ body: (_ path: String) throws -> Result) throws -> Result {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    return try body(folder.path)
  }
}
