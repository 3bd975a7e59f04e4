import Foundation

/// The bytes of a file of settings.
public enum SettingsFile {
  /// Larger files are not settings.
  public static let longest = 1 << 20

  /// - Returns: nil where there is no such file.
  /// - Throws: `SettingsProblem` where it is no regular file, too large or unreadable.
  public static func contents(_ path: String) throws -> Data? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    guard status.st_mode & S_IFMT == S_IFREG else { throw SettingsProblem("is no regular file") }
    guard status.st_size <= longest else {
      throw SettingsProblem("has \(status.st_size) bytes; settings have \(longest) at most")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SettingsProblem("cannot be read; check its permissions")
    }
    return data
  }
}

/// What is wrong with a file of settings, without its name.
public struct SettingsProblem: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
