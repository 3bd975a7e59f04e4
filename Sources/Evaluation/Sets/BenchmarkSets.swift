import Foundation
import YAMLSettings

/// The test sets of a benchmark, read from a YAML file. Unknown keys are errors.
///
/// ```yaml
/// border: 0
/// sets:
///   - {name: photos-light, folder: photos, damage: light, seeds: [1, 1001], crop: 256}
///   - {name: realsr, folder: RealSR, limit: 20}
/// ```
public struct BenchmarkSets: Sendable {
  /// One set of pictures and the way its inputs are made.
  public struct Entry: Codable, Equatable, Sendable {
    /// The name in the report.
    public var name = ""
    /// The set's folder, for `EvaluationSet`; relative paths are below the folder of data sets.
    public var folder = ""
    /// The prefix of the names of the files to use.
    public var prefix = ""
    public var damage = DegradationKind.none
    /// Every picture is used once with each seed: picture i of the set, from 0, is degraded and
    /// restored with seed + i. Seeds therefore have to differ by at least the number of pictures.
    public var seeds: [UInt64] = [1]
    /// The largest number of pictures; the first ones are used.
    public var limit: Int?
    /// The largest side of the centre crop, in pixels of the original.
    public var crop: Int?
  }

  /// The origin of the inputs.
  public enum DegradationKind: String, Codable, CaseIterable, Sendable {
    /// The set contains inputs.
    case none
    case light, full
    /// All kinds and levels of `Degradation.allLevels`.
    case levels
  }

  /// The width in pixels of the border that all metrics but LPIPS, DISTS and CER ignore.
  public var border = 0
  public var sets: [Entry]

  private struct General: Codable { var border = 0 }

  /// - Throws: `EvaluationError`, naming the file and the key.
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
        "'\(key).name': \(set.name) appears twice")
      try demand(!set.folder.isEmpty, "'\(key).folder' is missing")
      try demand(
        !set.seeds.isEmpty && set.seeds.allSatisfy { $0 < 1 << 53 },
        "'\(key).seeds' has to be a list of numbers below 2^53")
      try demand(set.limit.map { $0 > 0 } ?? true, "'\(key).limit' has to be positive")
      try demand(set.crop.map { $0 >= 32 } ?? true, "'\(key).crop' has to be at least 32")
    }
  }
}
