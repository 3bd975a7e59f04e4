/// The parent folder of a path: "runs/a" → "runs", "/a" → "/", "a" → ".", "/" → "/". Only the text
/// is examined: links are not followed, and ".." is an ordinary name.
///
/// Replaces `NSString.deletingLastPathComponent`, which crashes on relative paths of one character
/// in the Foundation of Swift 6.3.
public func parentFolder(of path: String) -> String {
  let slash = UInt8(ascii: "/")
  // Paths are bytes: a slash with a combining accent is one character, but still a slash.
  func withoutSlashes(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    bytes.dropLast(bytes.reversed().prefix { $0 == slash }.count)
  }
  let bytes = Array(path.utf8)
  guard let end = withoutSlashes(bytes[...]).lastIndex(of: slash) else {
    return bytes.first == slash ? "/" : "."
  }
  let folder = withoutSlashes(bytes[..<end])
  return folder.isEmpty ? "/" : String(decoding: folder, as: UTF8.self)
}

/// A path and the folders above it that its text names: "runs/a" → "runs/a", "runs", ".".
public func ancestors(of path: String) -> [String] {
  let parent = parentFolder(of: path)
  return [path] + (parent == path ? [] : ancestors(of: parent))
}
