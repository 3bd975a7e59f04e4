import Foundation

/// The file that a path refers to, with links followed: equal for two paths of one file, whether or
/// not it exists.
///
/// Compared byte by byte, since file systems distinguish names that are equal as `String`s ("é"
/// composed and decomposed).
public struct PathIdentity: Hashable, Sendable {
  private let bytes: [UInt8]

  public init(_ path: String) {
    bytes = Array(Self.resolved(path).utf8)
  }

  private static func resolved(_ path: String) -> String {
    if let whole = realpath(path, nil) {
      defer { free(whole) }
      return String(cString: whole)
    }
    // A file that does not exist may be in a folder that does.
    let parent = parentFolder(of: path)
    let name = (path as NSString).lastPathComponent
    guard parent != path, !name.isEmpty else { return path }
    let folder = resolved(parent)
    switch name {
    case ".": return folder
    case "..": return parentFolder(of: folder)
    default: return (folder as NSString).appendingPathComponent(name)
    }
  }
}
