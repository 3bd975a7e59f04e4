import Foundation
import YAMLSettings

/// What a benchmark measures on, read from a YAML file. A key that does not exist is an error.
///
/// ```yaml
/// border: 0
/// sets:
///   - {name: photos-light, folder: photos, damage: light, seeds: [1, 1001], crop: 256}
///   - {name: realsr, folder: RealSR, limit: 20}
/// ```
public struct BenchmarkSets: Sendable {
  /// One set of pictures and what is done to them.
  public struct Entry: Codable, Equatable, Sendable {
    /// As the report calls it.
    public var name = ""
    /// Where `EvaluationSet` finds it; below the folder of data sets where the path is relative.
    public var folder = ""
    /// How the names of the files begin that are used.
    public var prefix = ""
    public var damage = DamageKind.none
    /// Every picture is used once with each: number i of the set, from 0, is damaged and restored
    /// with seed + i. Seeds are therefore further apart than the set has pictures.
    public var seeds: [UInt64] = [1]
    /// The first pictures only.
    public var limit: Int?
    /// Largest side of the middle part that is used, pixels of the original.
    public var crop: Int?
  }

  /// How inputs are made.
  public enum DamageKind: String, Codable, CaseIterable, Sendable {
    /// The set has inputs.
    case none
    case light, full
    /// Every kind and level of `Damage.allLevels`.
    case levels
  }

  /// Pixels at the edges that all metrics but LPIPS, DISTS and CER leave out.
  public var border = 0
  public var sets: [Entry]

  private struct General: Codable { var border = 0 }

  /// - Throws: `EvaluationError` that names the file and the key.
  public init(file path: String) throws {
    guard let data = FileManager.default.contents(atPath: path),
      let text = String(data: data, encoding: .utf8)
    else { throw EvaluationError("\(path): no such file of sets, or it is not text") }
    try self.init(text: text, file: path)
  }

  public init(text: String, file: String = "sets") throws {
    let decoding = SettingsDecoding { EvaluationError("\(file): \($0)") }
    var mapping = try decoding.mapping(
      of: text, example: "it has to have 'sets', a list with 'name' and 'folder'")
    let list = mapping["sets"]
    mapping["sets"] = nil
    border =
      try decoding.decode(.mapping(mapping), path: "", defaults: General(), siblings: ["sets"])
      .border
    guard let list = list?.sequence, !list.isEmpty else {
      throw EvaluationError("\(file): 'sets' has to be a list of sets with 'name' and 'folder'")
    }
    sets = try list.enumerated().map {
      try decoding.decode($1, path: "sets.\($0)", defaults: Entry())
    }
    try check(file)
  }

  private func check(_ file: String) throws {
    func demand(_ condition: Bool, _ problem: String) throws {
      if !condition { throw EvaluationError("\(file): \(problem)") }
    }
    try demand(border >= 0, "'border' must not be negative")
    for (index, set) in sets.enumerated() {
      let key = "sets.\(index)"
      try demand(!set.name.isEmpty, "'\(key).name' is missing")
      try demand(
        set.name.allSatisfy { $0.isLetter || $0.isNumber || "-_.".contains($0) }
          && !set.name.hasPrefix("."),
        "'\(key).name' has to be of letters, digits, '-', '_' and '.'")
      try demand(
        !sets[..<index].contains { $0.name == set.name },
        "'\(key).name': \(set.name) is there twice")
      try demand(!set.folder.isEmpty, "'\(key).folder' is missing")
      try demand(
        !set.seeds.isEmpty && set.seeds.allSatisfy { $0 < 1 << 53 },
        "'\(key).seeds' has to be a list of numbers below 2^53")
      try demand(set.limit.map { $0 > 0 } ?? true, "'\(key).limit' has to be positive")
      try demand(set.crop.map { $0 >= 32 } ?? true, "'\(key).crop' has to be at least 32")
    }
  }
}
