import Foundation

/// What a path stands for, links followed: equal for two paths of one file, whether it exists
/// already or not.
///
/// Compared byte by byte, since file systems tell names apart that are equal as `String`s ("é"
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
    // What does not exist yet lies in a folder that may.
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
