/// The folder that holds what a path names: "runs/a" → "runs", "/a" → "/", "a" → "."; of "/" itself
/// "/". Only the text is looked at: links are not followed, and ".." is a name as others are.
///
/// For `NSString.deletingLastPathComponent`, which crashes on relative paths of one character in
/// Foundation of Swift 6.3.
public func parentFolder(of path: String) -> String {
  let slash = UInt8(ascii: "/")
  // Paths are bytes: a slash with an accent upon it is one character, and a slash.
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

/// A path and the folders above it as far as its text tells: "runs/a" → "runs/a", "runs", ".".
public func ancestors(of path: String) -> [String] {
  let parent = parentFolder(of: path)
  return [path] + (parent == path ? [] : ancestors(of: parent))
}
