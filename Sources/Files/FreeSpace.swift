import Foundation

/// Free space on disks.
public enum FreeSpace {
  /// Checks that a disk has room for `bytes` bytes in a folder, which need not exist yet.
  /// - Parameter share: the fraction of the whole disk that is to stay free, 0...1.
  /// - Throws: `FileError.noRoom`.
  public static func require(_ bytes: Int, at path: String, besides share: Double = 0) throws {
    var status = statvfs()
    guard statvfs(existingFolder(of: path), &status) == 0 else { return }
    func size(_ blocks: UInt64) -> Int { Int(clamping: blocks * UInt64(status.f_frsize)) }
    let free = size(UInt64(status.f_bavail))
    let needed = bytes + Int(Double(size(UInt64(status.f_blocks))) * share)
    guard free >= needed else { throw FileError.noRoom(path: path, needed: needed, free: free) }
  }

  /// The nearest existing folder above `path`.
  public static func existingFolder(of path: String) -> String {
    ancestors(of: parentFolder(of: path)).first(where: isFolder) ?? "."
  }
}
