import Foundation

/// Room on disks.
public enum FreeSpace {
  /// Checks that what will be written into a folder, which need not exist yet, has room.
  /// - Throws: `FileError.noRoom`.
  public static func require(_ bytes: Int, at path: String) throws {
    var status = statvfs()
    guard statvfs(existingFolder(of: path), &status) == 0 else { return }
    let free = Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    guard free >= bytes else { throw FileError.noRoom(path: path, needed: bytes, free: free) }
  }

  /// The folder nearest above `path` that is there already.
  public static func existingFolder(of path: String) -> String {
    let parent = (path as NSString).deletingLastPathComponent
    if parent.isEmpty { return "." }
    return isFolder(parent) || parent == path ? parent : existingFolder(of: parent)
  }
}
