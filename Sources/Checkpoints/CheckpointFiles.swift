import Files
import Foundation

/// A checkpoint as it was downloaded: a file, a folder, or the pieces into which a large file was
/// split.
public struct CheckpointFiles {
  /// The files that it consists of, in order.
  public let paths: [String]
  private let kind: Kind

  private enum Kind {
    case folder(WeightFolder)
    /// Files that are complete, each with some of the tensors.
    case whole
    /// One file of `torch.save`, cut into pieces of bytes.
    case pieces
  }

  /// - Parameter paths: one file or folder, or all pieces in any order: they are taken in the order
  ///   of their names, numbers by their values.
  /// - Throws: `CheckpointError` where something is missing or of an unknown kind.
  public init(_ paths: [String]) throws {
    guard let first = paths.first else {
      throw CheckpointError("checkpoint", "is missing; name a file or a folder")
    }
    if paths.count == 1, isFolder(first) {
      let pieces = Self.pieces(in: first)
      if !pieces.isEmpty, !Self.hasWeights(first) {
        self = try CheckpointFiles(pieces)
      } else {
        let folder = try WeightFolder(first)
        (self.paths, kind) = (folder.files, .folder(folder))
      }
      return
    }
    if let folder = paths.first(where: isFolder) {
      throw CheckpointError(folder, "is a folder; name one folder alone, or the pieces of a file")
    }
    let sorted = paths.sorted {
      let (a, b) = (($0 as NSString).lastPathComponent, ($1 as NSString).lastPathComponent)
      return a.compare(b, options: .numeric) == .orderedAscending
    }
    for (path, next) in zip(sorted, sorted.dropFirst()) where path == next {
      throw CheckpointError(path, "is named twice")
    }
    self.paths = sorted
    kind = PickleContents.isCut(JoinedBytes(try MappedMemory(sorted[0]))) ? .pieces : .whole
    guard sorted.count > 1 || !isCut else {
      throw CheckpointError(
        first, "is no whole archive: it is truncated, or a piece of a file of which all are needed")
    }
  }

  /// Bytes of all files.
  public var byteCount: Int {
    paths.reduce(0) { sum, path in
      var status = stat()
      return sum + (stat(path, &status) == 0 ? Int(status.st_size) : 0)
    }
  }

  /// Whether they are the pieces of one file.
  public var isCut: Bool { if case .pieces = kind { true } else { false } }

  /// The files that are complete by themselves: each with its title and its paths, which are
  /// several where it is in pieces.
  public var files: [(title: String, paths: [String])] {
    isCut ? [(title, paths)] : paths.map { ($0, [$0]) }
  }

  /// Maps the files, whose nested dictionaries become names with dots. Pieces are read where they
  /// are, as if they were one.
  /// - Throws: `CheckpointError`, `FileError`.
  public func open() throws -> any TensorFile {
    switch kind {
    case .folder(let folder): return try folder.open()
    case .whole:
      let parts = try paths.map(openTensorFile)
      return parts.count == 1 ? parts[0] : try JoinedTensorFile(parts, title: title)
    case .pieces:
      return try PickleCheckpoint(
        JoinedBytes(try paths.map { try MappedMemory($0) }, title: title))
    }
  }

  /// The name of all of them in messages: "a/part_00 and 3 more".
  public var title: String {
    paths.count == 1 ? paths[0] : "\(paths[0]) and \(paths.count - 1) more"
  }

  private static func hasWeights(_ folder: String) -> Bool {
    WeightFolder.layouts.flatMap { [$0.0, $0.1] }.contains {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)")
    }
  }

  /// The files of a folder that are called pieces: NAME_part_00, NAME.part1.
  private static func pieces(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { !$0.hasPrefix(".") && $0.contains(/(?i)[._-]part[._-]?[0-9a-z]+(?:\.\w+)?$/) }
      .map { "\(folder)/\($0)" }
  }
}
