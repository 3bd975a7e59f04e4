import Foundation

/// A folder of this user's for files that are needed for a while, removed with everything in it.
public final class TemporaryFolder: Sendable {
  public let path: String

  /// - Throws: `FileError` where the system's folder for temporary files is not writable.
  public init() throws {
    path =
      FileManager.default.temporaryDirectory.appendingPathComponent("nsarm-\(UUID().uuidString)")
      .path
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw FileError.unwritable(
        path: path, reason: "the folder cannot be created; TMPDIR may name another place")
    }
  }

  deinit { remove() }

  public func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// Gives `body` the path of a folder that is removed when it ends.
  public static func with<Result>(_ body: (_ path: String) throws -> Result) throws -> Result {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    return try body(folder.path)
  }
}
