import Files
import Foundation

/// The pictures of a test set, found by the layouts of published sets. Names of folders match
/// regardless of case.
///
/// - DIV2K: `DIV2K_valid_HR/0801.png` and `DIV2K_valid_LR_bicubic/X4/0801x4.png`. The synthetic set
///   of StableSR, which the paper uses, has `lq/` and `gt/` with the same names.
/// - RealSR: `Canon/Test/4/Canon_001_HR.png` and `Canon_001_LR4.png` beside it, the same for Nikon;
///   `Test/4` of one camera, or a folder with such pairs.
/// - DRealSR: `Test_x4/test_LR/IMG_118_x1.png` and `Test_x4/test_HR/IMG_118_x4.png`; StableSR's
///   crops of it and of RealSR: `test_LR/` and `test_HR/`.
/// - RP60: a folder of low-quality photos without originals (also in `LQ/` or `LR/`).
/// - Any folder with `LR/` (or `LQ/`) and `HR/` (or `GT/`), and any folder of originals.
public struct EvaluationSet: Sendable {
  public struct Item: Equatable, Sendable {
    /// The name of its files without the extension and without the suffix that distinguishes input
    /// and original.
    public let name: String
    /// The paths of the files.
    public let input, original: String?
  }

  public let folder: String
  /// The pictures, sorted by name.
  public let items: [Item]

  static let inputFolders = ["LR", "LQ", "test_LR", "DIV2K_valid_LR_bicubic/X4"]
  static let originalFolders = ["HR", "GT", "test_HR", "DIV2K_valid_HR"]
  /// The possible places of those folders, or of pairs of files, in a set's folder.
  static let roots = ["", "Test_x4", "Test/4", "Canon/Test/4", "Nikon/Test/4"]

  /// The inputs of a set, with their originals where it has any.
  ///
  /// - Parameter prefix: the prefix of the names of the files to use; "" for all.
  /// - Throws: `EvaluationError` where the folder is missing or has none of the layouts, or where
  ///   an input has no original although others have.
  public static func inputs(in folder: String, prefix: String = "") throws -> EvaluationSet {
    try find(folder, prefix, "inputs, with originals where there are any,") { root in
      if let low = first(inputFolders, in: root, prefix) {
        return try pairs(low, first(originalFolders, in: root, prefix))
      }
      let files = pictures(root, prefix)
      let (low, high) = (files.filter(\.isInput), files.filter(\.isOriginal))
      if !low.isEmpty { return try pairs(low, high.isEmpty ? nil : high) }
      return high.isEmpty ? files.map { Item(name: $0.stem, input: $0.path, original: nil) } : []
    }
  }

  /// The originals of a set, to be degraded.
  ///
  /// - Throws: `EvaluationError` where the folder is missing or has no originals.
  public static func originals(in folder: String, prefix: String = "") throws -> EvaluationSet {
    try find(folder, prefix, "originals") { root in
      let files = first(originalFolders, in: root, prefix) ?? pictures(root, prefix)
      let marked = files.filter(\.isOriginal)
      return (marked.isEmpty ? files.filter { !$0.isInput } : marked).map {
        Item(name: $0.stem, input: nil, original: $0.path)
      }
    }
  }

  private static func find(
    _ folder: String, _ prefix: String, _ what: String, _ items: (String) throws -> [Item]
  ) throws -> EvaluationSet {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder)
    let found =
      isFolder.boolValue ? try roots.compactMap { subfolder($0, of: folder) }.flatMap(items) : []
    guard !found.isEmpty else {
      let problem =
        !exists
        ? "no such folder" : prefix.isEmpty ? "no pictures" : "no pictures named \(prefix)*"
      throw EvaluationError(
        "\(folder): \(problem); the set's \(what) are expected there, as LR/ + HR/, lq/ + gt/, "
          + "test_LR/ + test_HR/ (DRealSR: in Test_x4/), DIV2K_valid_LR_bicubic/X4/ + "
          + "DIV2K_valid_HR/, Canon/Test/4/*_LR4.png + *_HR.png (RealSR), or pictures without folders"
      )
    }
    let names = Dictionary(grouping: found, by: \.name)
    if let twice = names.values.filter({ $0.count > 1 }).min(by: { $0[0].name < $1[0].name }) {
      let paths = twice.compactMap { $0.input ?? $0.original }.joined(separator: " and ")
      throw EvaluationError("\(paths) have the same name; rename one of them")
    }
    return EvaluationSet(folder: folder, items: found.sorted { $0.name < $1.name })
  }

  private static func pairs(_ low: [SetFile], _ high: [SetFile]?) throws -> [Item] {
    let originals = Dictionary(grouping: high ?? [], by: \.key)
    return try low.map { file in
      let original = originals[file.key]
      if let high, original?.count != 1 {
        let folder = parentFolder(of: high[0].path)
        throw EvaluationError(
          "\(file.path): \(original?.count ?? 0) originals of this name in \(folder); expected one")
      }
      return Item(name: file.key, input: file.path, original: original?[0].path)
    }
  }

  /// The pictures of the first of these folders that contains any.
  private static func first(_ names: [String], in root: String, _ prefix: String) -> [SetFile]? {
    names.lazy.compactMap { subfolder($0, of: root) }.map { pictures($0, prefix) }
      .first { !$0.isEmpty }
  }

  private static func pictures(_ folder: String, _ prefix: String) -> [SetFile] {
    guard let pictures = try? PictureFolder(folder) else { return [] }
    return pictures.names.filter { $0.hasPrefix(prefix) }
      .map { SetFile(stem: PictureFolder.stem($0), path: pictures.file($0)) }
  }

  /// A folder below another one, found regardless of case.
  private static func subfolder(_ path: String, of folder: String) -> String? {
    path.split(separator: "/").reduce(folder) { parent, name in
      guard let parent, let entries = try? FileManager.default.contentsOfDirectory(atPath: parent)
      else { return nil }
      return entries.sorted().first { $0.lowercased() == name.lowercased() }
        .map { (parent as NSString).appendingPathComponent($0) }
    }
  }
}

/// A picture file and the parts of its name.
private struct SetFile {
  /// The name without its extension, and the path.
  let stem, path: String

  /// The common name of an input and its original: without `_LR4` and `_HR` (RealSR), `_x1` and
  /// `_x4` (DRealSR), `x4` (DIV2K).
  var key: String { stem.replacing(#/(_LR\d?|_HR|_x\d|x\d)$/#, with: "") }
  var isInput: Bool { stem.contains(#/_LR\d?$/#) }
  var isOriginal: Bool { stem.hasSuffix("_HR") }
}
