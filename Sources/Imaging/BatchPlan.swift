import Files
import Foundation

/// One picture file to process.
public struct InputFile: Hashable, Sendable {
  public let path: String
  /// Where it lies below the folder it was found in ("trip/day1/a.jpg"), or its name.
  public let relativePath: String

  public init(path: String, relativePath: String) {
    self.path = path
    self.relativePath = relativePath
  }
}

/// Finds the pictures that a list of files and folders names.
public enum InputFiles {
  /// Files are taken as they are named; folders are searched recursively for files with a picture's
  /// extension.
  ///
  /// Hidden files and folders are skipped, links to folders are not followed, every folder's
  /// pictures come sorted by path, and a file named twice comes once. Throws `ImagingError` where a
  /// path does not exist, a folder cannot be read, or a folder holds no pictures.
  public static func expand(_ paths: [String]) throws -> [InputFile] {
    var found: [InputFile] = []
    var seen: Set<String> = []
    func take(_ file: InputFile) {
      let identity = URL(fileURLWithPath: file.path).resolvingSymlinksInPath().path
      if seen.insert(identity).inserted { found.append(file) }
    }
    for path in paths {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw ImagingError.missing(path: path)
      }
      guard isFolder.boolValue else {
        take(InputFile(path: path, relativePath: (path as NSString).lastPathComponent))
        continue
      }
      let pictures = try search(path, below: "")
      guard !pictures.isEmpty else { throw ImagingError.noInputs(path: path) }
      pictures.forEach(take)
    }
    return found
  }

  private static func search(_ root: String, below relative: String) throws -> [InputFile] {
    let folder = relative.isEmpty ? root : (root as NSString).appendingPathComponent(relative)
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw ImagingError.unreadable(path: folder, reason: "the folder cannot be listed")
    }
    var found: [InputFile] = []
    for name in names.sorted() where !name.hasPrefix(".") {
      let path = (folder as NSString).appendingPathComponent(name)
      let relativePath = relative.isEmpty ? name : "\(relative)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        found += try search(root, below: relativePath)
        continue
      }
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      let suffix = (name as NSString).pathExtension.lowercased()
      if ImageFormat.readableExtensions.contains(suffix) {
        found.append(InputFile(path: path, relativePath: relativePath))
      }
    }
    return found
  }
}

/// Which file each input is written to.
public struct BatchPlan: Sendable, Equatable {
  public struct Item: Sendable, Equatable {
    public let input: InputFile
    public let output: String

    public init(input: InputFile, output: String) {
      self.input = input
      self.output = output
    }
  }

  public let items: [Item]

  /// Gives every input its output, below `folder` in the same sub-folders, checked for collisions.
  ///
  /// - Parameters:
  ///   - suffix: put after the name: "photo" + "-sr".
  ///   - format: of all outputs; nil keeps each input's where it can be written, else PNG.
  ///
  /// Throws `ImagingError.collision` where two inputs would write one file (a.jpg and a.png to
  /// a.png), or an output would replace an input.
  public init(
    _ inputs: [InputFile], folder: String, suffix: String = "", format: ImageFormat? = nil
  ) throws {
    let items = inputs.map { input in
      let target = format ?? ImageFormat(path: input.path) ?? .png
      let original = (input.relativePath as NSString).pathExtension
      let keeps = ImageFormat(path: input.path) == target
      let stem = (input.relativePath as NSString).deletingPathExtension
      let name = "\(stem)\(suffix).\(keeps ? original : target.fileExtensions[0])"
      return Item(input: input, output: (folder as NSString).appendingPathComponent(name))
    }
    try self.init(items)
  }

  /// Checks outputs chosen by the caller.
  public init(_ items: [Item]) throws {
    func identity(_ path: String) -> String {
      URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
    }
    let inputs = Dictionary(
      items.map { (identity($0.input.path), $0.input.path) }, uniquingKeysWith: { a, _ in a })
    for (output, group) in Dictionary(grouping: items, by: { identity($0.output) }) {
      if group.count > 1 {
        throw ImagingError.collision(
          output: group[0].output, inputs: group.map(\.input.path).sorted())
      }
      if let input = inputs[output] {
        throw ImagingError.collision(output: group[0].output, inputs: [input])
      }
    }
    self.items = items
  }

  /// Creates the outputs' folders. Throws `FileError.unwritable`.
  public func createFolders() throws {
    for folder in Set(items.map { ($0.output as NSString).deletingLastPathComponent })
    where !folder.isEmpty {
      do {
        try FileManager.default.createDirectory(
          atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw FileError.unwritable(path: folder, reason: "the folder cannot be created")
      }
    }
  }
}
