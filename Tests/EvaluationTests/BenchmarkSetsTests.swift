import Foundation
import Imaging
import TestSupport
import Testing

@testable import Evaluation

@Suite struct BenchmarkSetsTests {
  private func problem(_ text: String) -> String {
    do {
      _ = try BenchmarkSets(text: text, file: "s.yaml")
      return ""
    } catch { return "\(error)" }
  }

  @Test func valuesAndDefaults() throws {
    let sets = try BenchmarkSets(
      text: """
        border: 4
        sets:
          - {name: a, folder: photos}
          - {name: b, folder: /photos, prefix: hr-, damage: levels, seeds: [2, 3], limit: 5, crop: 64}
        """)
    #expect(sets.border == 4 && sets.sets.count == 2)
    let (a, b) = (sets.sets[0], sets.sets[1])
    #expect(a.damage == .none && a.seeds == [1] && a.limit == nil && a.crop == nil)
    #expect(b.prefix == "hr-" && b.damage == .levels && b.seeds == [2, 3])
    #expect(b.limit == 5 && b.crop == 64)
  }

  @Test func mistakesAreNamed() {
    let set = "name: a, folder: f"
    #expect(problem("").hasPrefix("s.yaml: holds no keys"))
    #expect(problem("sets: [").contains("not valid YAML"))
    #expect(
      problem("{sets: [{\(set)}], weather: 2}").contains(
        "'weather'; the keys here are: border, sets"))
    #expect(problem("border: 1").contains("'sets' has to be a list"))
    #expect(
      problem("{sets: [{\(set)}], borde: 2}").contains("'borde'; did you mean 'border'?"))
    #expect(problem("{sets: [{\(set)}], border: -2}").contains("'border'"))
    #expect(
      problem("sets: [{\(set), crp: 2}]")
        .hasSuffix("unknown key 'sets.0.crp'; did you mean 'crop'?"))
    #expect(
      problem("sets: [{\(set), weather: 2}]")
        .hasSuffix(
          "'sets.0.weather'; the keys here are: crop, damage, folder, limit, name, prefix, seeds"))
    #expect(problem("sets: [{\(set), damage: heavy}]").contains("sets.0.damage"))
    #expect(problem("sets: [{\(set), crop: x}]").contains("'sets.0.crop' is not a"))
    #expect(problem("sets: [{\(set), crop: 8}]").contains("'sets.0.crop'"))
    #expect(problem("sets: [{\(set), seeds: []}]").contains("'sets.0.seeds'"))
    #expect(problem("sets: [{\(set), seeds: x}]").contains("'sets.0.seeds'"))
    #expect(problem("sets: [{\(set), seeds: [-1]}]").contains("sets.0.seeds"))
    #expect(problem("sets: [{\(set), limit: 0}]").contains("'sets.0.limit'"))
    #expect(problem("sets: [{folder: f}]").contains("'sets.0.name' is missing"))
    #expect(problem("sets: [{name: a}]").contains("'sets.0.folder' is missing"))
    #expect(problem("sets: [{name: a/b, folder: f}]").contains("'sets.0.name'"))
    #expect(problem("sets: [{\(set)}, {\(set)}]").contains("a appears twice"))
    #expect(problem("sets: [a, b]").contains("sets.0"))
  }

  @Test func theRepositorysFilesAreValid() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Recipes/benchmark").path
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(!names.isEmpty)
    for name in names { _ = try BenchmarkSets(file: "\(folder)/\(name)") }
  }

  @Test func casesOfASet() throws {
    let scratch = try ScratchFolder()
    for name in ["a", "b", "c"] { try scratch.write(waves(80, 70), "p/\(name).png") }
    func cases(_ keys: String) throws -> [BenchmarkCase] {
      let sets = try BenchmarkSets(text: "sets: [{name: s, folder: p, \(keys)}]")
      return try BenchmarkCase.all(of: sets.sets[0], data: scratch.path)
    }
    let light = try cases("damage: light, seeds: [1, 11], limit: 2, crop: 64")
    #expect(light.map(\.label) == ["a-seed1", "a-seed11", "b-seed1", "b-seed11"])
    #expect(light.map(\.seed) == [1, 11, 2, 12])
    let (input, original) = try light[0].pictures(scale: 4)
    #expect(input.width == 16 && input.height == 16)
    #expect(original?.width == 64 && original?.height == 64)
    let close = #expect(throws: EvaluationError.self) { try cases("damage: light, seeds: [4, 2]") }
    #expect("\(close!)".contains("seeds 2 and 4 are closer than its 3 pictures"))
    let levels = try cases("damage: levels")
    #expect(levels.count == 60 && Set(levels.map(\.label)).count == 60)
    #expect(levels[0].label == "a-blur1")
    let entry = levels[7].entry(width: 64, height: 64, scale: 4)
    #expect(
      entry.degradation?.kind == "noise" && entry.degradation?.level == 3 && entry.inputWidth == 16)
    let inputs = try cases("damage: none, crop: 64")
    let alone = try inputs[0].pictures(scale: 4)
    #expect(alone.input.width == 16 && alone.original == nil)
    let identities = try (light + levels + inputs).map { try $0.identity(scale: 4) }
    #expect(Set(identities).count == identities.count)
  }

  @Test func sizesOfPairsHaveToFit() throws {
    let scratch = try ScratchFolder()
    try scratch.write(waves(40, 30), "LR/a.png")
    try scratch.write(waves(160, 120), "HR/a.png")
    let sets = try BenchmarkSets(text: "sets: [{name: s, folder: .}]")
    let pair = try BenchmarkCase.all(of: sets.sets[0], data: scratch.path)[0]
    #expect(try pair.pictures(scale: 4).original?.width == 160)
    let error = #expect(throws: EvaluationError.self) { try pair.pictures(scale: 2) }
    #expect("\(error!)".contains("160x120 pixels are not 2 times the 40x30"))
    try scratch.write(waves(6, 30), "LR/a.png")
    #expect(throws: EvaluationError.self) { try pair.pictures(scale: 4) }
  }
}
