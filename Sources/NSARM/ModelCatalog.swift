import Foundation

/// The description of a model for somebody who chooses one.
public struct ModelCard: Sendable {
  public let folder: ModelFolder
  /// Its purpose in a sentence: the first paragraph of its README.md.
  public let description: String?
  public let licence: String?
  /// Bytes of the folder's files.
  public let bytes: Int

  /// - Throws: `CheckpointError` where the folder is no model.
  public init(_ path: String) throws {
    folder = try ModelFolder(path)
    let text = try? String(contentsOfFile: path + "/README.md", encoding: .utf8)
    let lines = (text ?? "").split(separator: "\n", omittingEmptySubsequences: false)
    description = Self.firstParagraph(lines)
    licence = Self.row("licence", lines)
    let files = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    bytes = files.reduce(0) { sum, file in
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(file)")
      guard attributes?[.type] as? FileAttributeType == .typeRegular else { return sum }
      return sum + (attributes?[.size] as? Int ?? 0)
    }
  }

  private static func firstParagraph(_ lines: [Substring]) -> String? {
    let text = lines.drop { $0.isEmpty || $0.hasPrefix("#") }.prefix { !$0.isEmpty }
    return text.isEmpty ? nil : text.joined(separator: " ")
  }

  /// The second cell of the row of a table that begins with `title`.
  private static func row(_ title: String, _ lines: [Substring]) -> String? {
    for line in lines {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      if cells.count >= 2, cells[0].lowercased() == title { return cells[1] }
    }
    return nil
  }
}

/// The models that can be named.
public enum ModelCatalog {
  /// The models that come with the package, the better ones first.
  public static let shipped = ["base", "nano"]

  /// All models in the folders where `ModelLocator` looks for a name, shipped ones first; what is
  /// no model is left out.
  public static func models(roots: [String] = ModelLocator.defaultRoots) -> [ModelCard] {
    var cards: [String: ModelCard] = [:]
    for folder in ModelLocator.folders(roots) {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      where cards[name] == nil {
        cards[name] = try? ModelCard("\(folder)/\(name)")
      }
    }
    func rank(_ name: String) -> Int { shipped.firstIndex(of: name) ?? shipped.count }
    return cards.values.map { (rank: rank($0.folder.name), name: $0.folder.name, card: $0) }
      .sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.map(\.card)
  }
}
