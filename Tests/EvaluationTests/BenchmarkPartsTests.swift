import Files
import Foundation
import Imaging
import TestSupport
import Testing

@testable import Evaluation

/// A benchmark in parts, as several processes measure it.
@Suite(.ownThreads) struct BenchmarkPartsTests {
  private let scratch = try! ScratchFolder()

  init() throws {
    for name in ["a", "b"] {
      try scratch.write(waves(64, 64, shift: name == "a" ? 0 : 5), "p/\(name).png")
    }
  }

  private func benchmark(
    _ methods: [any EvaluationMethod], to folder: String, isShared: Bool = true
  ) throws -> Benchmark {
    try Benchmark(
      BenchmarkSets(
        text: "sets: [{name: light, folder: p, damage: light}, {name: p, folder: p, limit: 1}]"),
      data: scratch.path, methods: [Interpolation(.bicubic)] + methods, suite: .plain(), scale: 4,
      notes: [:], to: scratch(folder), isShared: isShared)
  }

  /// Writes black pictures of the right size, all at once.
  private struct Black: EvaluationMethod {
    let name = "black"
    let keepsPictures = true
    let takesFolders = true
    func identity(set: String, label: String) -> String { name }
    func restore(_ input: MethodInput) -> (image: Image, seconds: Double?) {
      preconditionFailure("it takes folders")
    }
    func restoreAll(_ files: [(input: String, output: String)]) throws -> Double {
      for file in files {
        let input = try ImageFile.open(file.input)
        let image = Image(
          FloatImage(width: 4 * input.width, height: 4 * input.height, channels: 3, repeating: 0))
        try image.write(to: file.output, overwrite: true)
      }
      return 0.5
    }
  }

  @Test func partsOfSeveralProcessesMakeTheReportOfOne() throws {
    let methods: [any EvaluationMethod] = [Interpolation(.lanczos), Black()]
    let alone = try #require(try benchmark(methods, to: "alone", isShared: false).run())
    let processes = try (0..<3).map { _ in try benchmark(methods, to: "shared") }
    let parts = processes[0].parts
    #expect(parts.count == 2 + 3 && Set(parts).count == parts.count)
    #expect(processes.allSatisfy { $0.parts == parts })
    var results: [String] = []
    for index in parts.indices {
      let measured = try #require(
        try processes[index % 3].measure(part: index, isStopped: { false }))
      #expect(measured.problems.isEmpty && measured.isComplete)
      results.append(measured.results)
    }
    #expect(!FileManager.default.fileExists(atPath: scratch("shared/results.jsonl")))
    let merged = try processes[1].report(merging: results, showsCrops: false)
    #expect(merged.pictures.map(\.file) == alone.pictures.map(\.file))
    #expect(merged.pictures.map(\.scores) == alone.pictures.map(\.scores))
    #expect(merged.methods == alone.methods)
    #expect(merged.pictures.first?.seconds["black"] == 0.5)
    // A later process finds nothing to do.
    let later = try benchmark(methods, to: "shared")
    for index in parts.indices {
      let measured = try #require(try later.measure(part: index, isStopped: { false }))
      #expect(measured.results == "[]")
    }
    #expect(throws: EvaluationError.self) {
      try benchmark(methods, to: "other").report(merging: ["nonsense"], showsCrops: false)
    }
  }

  @Test func aPartChangesWithItsPicture() throws {
    let before = try benchmark([], to: "shared").parts
    try scratch.write(waves(64, 64, shift: 9), "p/b.png")
    let after = try benchmark([], to: "shared").parts
    #expect(before.count == 3)
    #expect(zip(before, after).map { $0 == $1 } == [true, false, true])
  }

  @Test func whatFailsIsToldWithThePart() throws {
    let missing = try RestoredFolder(NamedArgument("missing=\(scratch("nowhere"))"))
    let benchmark = try benchmark([missing], to: "shared")
    let measured = try #require(try benchmark.measure(part: 0, isStopped: { false }))
    #expect(measured.problems.count == 1 && !measured.isComplete)
    #expect(measured.problems[0].hasPrefix("missing is left out of the rest of light"))
    let rest = try #require(try benchmark.measure(part: 1, isStopped: { false }))
    #expect(rest.problems.isEmpty, "it is told once for the set")
    #expect(!rest.isComplete, "a later run is to try it again")
    let again = try #require(try benchmark.measure(part: 0, isStopped: { false }))
    #expect(again.results == measured.results && again.results != "[]")
    let stopped = try benchmark.measure(part: 2, isStopped: { true })
    #expect(stopped == nil)
  }

  @Test func figuresOfAComparisonPassAsText() throws {
    try scratch.write(waves(64, 48), "hr/a.png")
    try scratch.write(waves(64, 48, shift: 1), "mine/a.png")
    try scratch.write(waves(64, 48), "same/a.png")
    func comparison() throws -> FolderComparison {
      try FolderComparison(
        ["mine", "same"].map { ($0, try PictureFolder(scratch($0))) },
        reference: try PictureFolder(scratch("hr")), .plain())
    }
    let (picture, _) = try comparison().picture("a")
    let scores = try #require(picture?.scores)
    #expect(scores["same"]?[.psnrY] == .infinity)
    let text = try PictureScores(picture: picture, problems: ["a line"]).json()
    let read = try PictureScores(json: text)
    #expect(read.picture?.scores == scores && read.problems == ["a line"])
    #expect(read.picture?.sources == picture?.sources)
    #expect(throws: DecodingError.self) { try PictureScores(json: "{}") }
    let before = try comparison().identity(of: "a")
    #expect(try comparison().identity(of: "a") == before)
    try scratch.write(waves(64, 48, shift: 2), "mine/a.png")
    #expect(try comparison().identity(of: "a") != before)
  }
}
