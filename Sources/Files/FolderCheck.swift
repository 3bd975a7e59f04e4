import Foundation

/// Whether there is a folder at `path`, links followed.
public func isFolder(_ path: String) -> Bool {
  var isFolder: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
}

/// Creates a folder and those above it where they are missing.
/// - Parameter permissions: of the folders that are created; nil: the user's usual ones.
/// - Throws: `FileError.unwritable`.
public func createFolder(_ path: String, permissions: Int? = nil) throws {
  do {
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true,
      attributes: permissions.map { [.posixPermissions: $0] })
  } catch {
    throw FileError.unwritable(path: path, reason: "the folder cannot be created")
  }
}
