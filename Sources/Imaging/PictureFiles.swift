import Files
import Foundation

/// Finds the pictures of a folder by the extensions of their names.
///
/// Hidden files and folders are left out, links to folders are not followed, and the entries of
/// each folder are sorted by name. Entries that cannot be used are reported, and the search goes
/// on.
public struct PictureFiles: Sendable {
  public struct File: Hashable, Sendable {
    public let path: String
    /// The path relative to the folder in which it was found ("trip/day1/a.jpg"), or the file's
    /// name.
    public let relativePath: String

    public init(path: String, relativePath: String) {
      self.path = path
      self.relativePath = relativePath
    }
  }

  /// A folder or a file that cannot be used. Names that are not UTF-8 are shown with escapes.
  public struct Problem: Sendable {
    public let path: String
    public let error: ImagingError
  }

  /// Lists the names in a folder as bytes, since file systems allow names that no `String` can
  /// hold.
  public typealias Listing = (_ folder: String) throws -> [[UInt8]]

  public private(set) var files: [File] = []
  public private(set) var problems: [Problem] = []
  /// The number of files whose names are not those of pictures.
  public private(set) var otherCount = 0

  /// - Parameters:
  ///   - recursive: whether subfolders are searched too.
  ///   - excluding: subfolders that are left out.
  public init(
    in folder: String, recursive: Bool = true, excluding: [String] = [],
    list: Listing = Self.names
  ) {
    let excluded = Set(excluding.map(PathIdentity.init))
    search(folder, below: "", list) { path in
      recursive && (excluded.isEmpty || !excluded.contains(PathIdentity(path)))
    }
  }

  /// Whether a name has a picture's extension.
  public static func isPicture(_ name: String) -> Bool {
    ImageFormat.readableExtensions.contains((name as NSString).pathExtension.lowercased())
  }

  /// - Parameter enters: whether a subfolder is searched.
  private mutating func search(
    _ root: String, below relative: String, _ list: Listing, enters: (String) -> Bool
  ) {
    let folder = relative.isEmpty ? root : (root as NSString).appendingPathComponent(relative)
    let names: [[UInt8]]
    do {
      names = try list(folder)
    } catch {
      let reason = "the folder cannot be listed: \(error)"
      problems.append(
        Problem(path: folder, error: .unreadable(path: folder, reason: reason)))
      return
    }
    var readable: [String] = []
    for bytes in names where bytes.first != UInt8(ascii: ".") {
      if let name = String(validating: bytes, as: UTF8.self) {
        readable.append(name)
      } else {
        reportName(bytes, in: folder)
      }
    }
    for name in readable.sorted() {
      let path = (folder as NSString).appendingPathComponent(name)
      let relativePath = relative.isEmpty ? name : "\(relative)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }  // removed since the folder was listed
      if status.st_mode & S_IFMT == S_IFDIR {
        if enters(path) { search(root, below: relativePath, list, enters: enters) }
        continue
      }
      let isPicture = Self.isPicture(name)
      guard stat(path, &status) == 0 else {
        if isPicture { problems.append(Problem(path: path, error: .missing(path: path))) }
        continue
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: continue
      case S_IFREG where isPicture: files.append(File(path: path, relativePath: relativePath))
      default: otherCount += 1
      }
    }
  }

  /// Counts or reports a file or folder whose name is not UTF-8.
  private mutating func reportName(_ bytes: [UInt8], in folder: String) {
    let path = "\(folder)/\(Self.escaped(bytes))"
    var status = stat()
    let isFolder =
      (Array(folder.utf8) + [UInt8(ascii: "/")] + bytes + [0]).withUnsafeBufferPointer { raw in
        raw.withMemoryRebound(to: CChar.self) { lstat($0.baseAddress!, &status) }
      } == 0 && status.st_mode & S_IFMT == S_IFDIR
    guard isFolder || Self.isPicture(String(decoding: bytes, as: UTF8.self)) else {
      otherCount += 1
      return
    }
    let reason = "the \(isFolder ? "folder" : "file")'s name is not UTF-8; rename it"
    problems.append(Problem(path: path, error: .unsupported(path: path, reason: reason)))
  }

  /// The bytes of a name, non-ASCII ones as `\xE9`.
  private static func escaped(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      (0x20..<0x7F).contains(byte)
        ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16, uppercase: true)
    }.joined()
  }

  /// The names in a folder except "." and "..", as the system reports them.
  /// - Throws: an error with the system's message.
  public static func names(in folder: String) throws -> [[UInt8]] {
    struct SystemError: Error, CustomStringConvertible {
      let description = String(cString: strerror(errno))
    }
    guard let stream = opendir(folder) else { throw SystemError() }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw SystemError() }
        return names
      }
      // The name may be longer than the tuple as which Swift imports C's array.
      let start = UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
      let name = start.assumingMemoryBound(to: CChar.self)
      let bytes = [UInt8](UnsafeRawBufferPointer(start: start, count: strlen(name)))
      if bytes != [0x2E], bytes != [0x2E, 0x2E] { names.append(bytes) }
    }
  }
}
