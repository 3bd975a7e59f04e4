import Files
import Foundation
import Imaging

/// The pictures of a folder, sorted by name; subfolders are not searched.
public struct PictureFolder: Sendable {
  public let path: String
  /// The names with their extensions.
  public let names: [String]
  private let byStem: [String: String]

  /// - Throws: `EvaluationError` where the folder is missing or has no pictures, or where two
  ///   pictures have the same name up to the extension; `ImagingError` where it cannot be listed or
  ///   a name is not UTF-8.
  public init(_ path: String) throws {
    self.path = path
    guard isFolder(path) else { throw EvaluationError("\(path): no such folder; check the path") }
    let found = PictureFiles(in: path, recursive: false)
    if let problem = found.problems.first { throw problem.error }
    names = found.files.map(\.relativePath)
    guard !names.isEmpty else { throw EvaluationError("\(path): no pictures in this folder") }
    let stems = Dictionary(grouping: names, by: Self.stem)
    if let twice = stems.values.filter({ $0.count > 1 }).min(by: { $0[0] < $1[0] }) {
      throw EvaluationError(
        "\(path): \(twice.joined(separator: " and ")) have the same name up to the extension; "
          + "rename one of them")
    }
    byStem = stems.mapValues { $0[0] }
  }

  /// The names without their extensions.
  public var stems: Set<String> { Set(byStem.keys) }

  public func file(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

  /// The path of the picture with this name, whatever the extension.
  public func file(stem: String) -> String? { byStem[stem].map(file) }

  /// The picture with the same name up to the extension.
  /// - Throws: `EvaluationError` where there is none.
  public func counterpart(of name: String) throws -> String {
    let stem = Self.stem(name)
    guard let found = file(stem: stem) else {
      throw EvaluationError("\(path): no picture named \(stem)")
    }
    return found
  }

  /// A name without its extension.
  public static func stem(_ name: String) -> String { (name as NSString).deletingPathExtension }
}
