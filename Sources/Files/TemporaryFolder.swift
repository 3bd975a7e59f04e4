import Foundation

/// A folder of this user's for files that are needed for a while, removed with everything in it.
public final class TemporaryFolder: Sendable {
  public let path: String
  /// Of the folder, locked as long as it is needed: those of processes that were killed are not.
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
  }

  deinit {
    remove()
    if lock >= 0 { close(lock) }
  }

  public func remove() { try? FileManager.default.removeItem(atPath: path) }

  private static var parent: URL { FileManager.default.temporaryDirectory }
  private static let prefix = "nsarm-"

  /// - Returns: a descriptor of the folder, or -1 where it is somebody else's or in use.
  private static func locked(_ path: String) -> Int32 {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { return -1 }
    guard flock(folder, LOCK_EX | LOCK_NB) == 0 else {
      close(folder)
      return -1
    }
    return folder
  }

  /// Removes such folders of this user's that processes have left that were killed.
  ///
  /// - Parameters:
  ///   - parent: nil: the system's folder for temporary files.
  ///   - age: seconds since something was put into a folder; one that has just been made is locked
  ///     in a moment.
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

  /// Gives `body` the path of a folder that is removed when it ends.
  public static func with<Result>(_ body: (_ path: String) throws -> Result) throws -> Result {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    return try body(folder.path)
  }
}
