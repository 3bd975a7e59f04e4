import Foundation

/// Reads the bytes of a settings file.
public enum SettingsFile {
  /// The largest size of a settings file, in bytes.
  public static let maximumSize = 1 << 20

  /// - Returns: nil where there is no such file.
  /// - Throws: `SettingsProblem` where it is not a regular file, too large or unreadable.
  public static func contents(_ path: String) throws -> Data? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SettingsProblem("is not a regular file") }
    guard status.st_size <= maximumSize else {
      throw SettingsProblem("has \(status.st_size) bytes; settings have \(maximumSize) at most")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SettingsProblem("cannot be read; check its permissions")
    }
    return data
  }
}

/// A problem with a settings file; the message does not name the file.
public struct SettingsProblem: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
