import Files
import Foundation
import Imaging
import TestSupport
import Testing

@testable import Evaluation

@Suite(
  .ownThreads, .enabled(if: ChildProcess.find("vips") != nil, "libvips-tools is not installed"))
struct BenchmarkTests {
  private let scratch = try! ScratchFolder()

  init() throws {
    for name in ["a", "b"] {
      try scratch.write(waves(64, 64, shift: name == "a" ? 0 : 5), "p/\(name).png")
    }
  }

  private func benchmark(_ methods: [any EvaluationMethod], overwrite: Bool = false) throws
    -> Benchmark
  {
    try Benchmark(
      BenchmarkSets(
        text: "sets: [{name: light, folder: p, damage: light}, {name: p, folder: p, limit: 1}]"),
      data: scratch.path, methods: [Interpolation(.bicubic)] + methods, suite: .plain(), scale: 4,
      notes: [:], to: scratch("out"), overwrite: overwrite)
  }

  /// Enlarges by repetition and leaves a line in `log` for every picture.
  private func repeating(_ name: String, enlarged: Int = 4) throws -> PeerCommand {
    try PeerCommand(
      "\(name)=sh -c 'echo x >> \(scratch("log")); vips zoom \"$0\" \"$1\" \(enlarged) \(enlarged)' "
        + "{input} {output}")
  }

  private var calls: Int {
    ((try? String(contentsOfFile: scratch("log"), encoding: .utf8)) ?? "").count / 2
  }

  @Test func everyMethodIsScoredAndNothingIsDoneTwice() throws {
    let peer = try repeating("peer")
    let first = try #require(try benchmark([peer]).run())
    #expect(first.pictures.map { "\($0.set!) \($0.file)" } == ["light a", "light b", "p a"])
    for picture in first.pictures {
      #expect(picture.seconds["peer"]! > 0)
      let scores = try #require(picture.scores["peer"])
      #expect((scores[.psnrY] != nil) == (picture.set == "light"))
    }
    #expect(calls == 3)
    let kept = try ImageFile.readRGB(scratch("out/pictures/peer/light/a.png"))
    let input = try ImageFile.readRGB(scratch("out/inputs/light/a.png"))
    #expect(kept.samples == input.repeated(4).samples)
    let original = try ImageFile.readRGB(scratch("p/a.png"))
    #expect(input.samples == Degradation.light(original, seed: 1, scale: 4).samples)
    let suite = try MetricSuite.plain()
    #expect(suite.scores(kept, suite.reference(original)) == first.pictures[0].scores["peer"])
    for name in ["index.html", "report.json", "report.csv"] {
      #expect(FileManager.default.fileExists(atPath: scratch("out/\(name)")))
    }

    let again = try #require(try benchmark([peer]).run())
    #expect(calls == 3)
    #expect(again.pictures.map(\.scores) == first.pictures.map(\.scores))
    // Crops are shown unless they are disabled.
    func page() throws -> String {
      try String(contentsOfFile: scratch("out/index.html"), encoding: .utf8)
    }
    #expect(try page().contains("data:image"))
    _ = try benchmark([peer]).run(showsCrops: false)
    #expect(try !page().contains("data:image") && calls == 3)
    // A changed original, and a peer of the same name with another command, are measured again.
    try scratch.write(waves(64, 64, shift: 3), "p/b.png")
    let other = try repeating("other")
    _ = try benchmark([peer, other]).run()
    #expect(calls == 3 + 1 + 3)
    let renamed = try PeerCommand("peer=vips zoom {input} {output} 4 4")
    let changed = try #require(try benchmark([renamed]).run())
    #expect(calls == 7 && changed.methods == ["bicubic", "peer", "reference"])
    _ = try benchmark([peer], overwrite: true).run()
    #expect(calls == 10)
  }

  @Test func aStoppedRunGoesOn() throws {
    let peer = try repeating("peer")
    var asked = 0
    let stopped = try benchmark([peer]).run(isStopped: {
      asked += 1
      return asked == 3
    })
    #expect(stopped == nil && calls == 1)
    // Simulates a process that was killed while writing.
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: scratch("out/results.jsonl")))
    try file.seekToEnd()
    try file.write(contentsOf: Data("{\"set\":\"light\",\"lab".utf8))
    try file.close()
    var progress: [Int] = []
    let report = try benchmark([peer]).run(progress: {
      progress.append($0.done * 100 + $0.total)
    })
    #expect(report?.pictures.count == 3 && calls == 3)
    #expect(progress == [103, 203, 303])
  }

  @Test func whatFailsIsLeftOut() throws {
    let (good, bad) = (try repeating("good"), try repeating("bad", enlarged: 2))
    try Data("nonsense".utf8).write(to: URL(fileURLWithPath: scratch("p/a.png")))
    var problems: [String] = []
    let report = try #require(
      try benchmark([bad, good]).run(progress: {
        if let problem = $0.problem { problems.append(problem) }
      }))
    #expect(report.pictures.map(\.file) == ["b"])
    #expect(report.pictures[0].scores["bad"] == nil && report.pictures[0].scores["good"] != nil)
    #expect(problems.count == 3 && problems[0].contains("p/a.png"))
    #expect(
      problems[1].hasPrefix("bad is left out of the rest of light")
        && problems[1].contains("expected 64x64"))
  }

  @Test func foldersAtOnceAndFoldersOfOthers() throws {
    let all = try PeerCommand(
      "all=sh -c 'echo x >> \(scratch("log")); for f in \"$0\"/*; do vips zoom \"$f\" \"$1/${f##*/}\" 4 4; "
        + "done' {inputs} {outputs}")
    let first = try #require(try benchmark([all]).run())
    #expect(calls == 2)
    let other = try RestoredFolder(NamedArgument("other=\(scratch("out/pictures/all"))"))
    let second = try #require(try benchmark([all, other]).run())
    #expect(calls == 2)
    #expect(second.pictures.map { $0.scores["other"] } == first.pictures.map { $0.scores["all"] })
    var problems: [String] = []
    let missing = try RestoredFolder(NamedArgument("missing=\(scratch("nowhere"))"))
    _ = try benchmark([missing]).run(progress: {
      if let problem = $0.problem { problems.append(problem) }
    })
    #expect(problems.count == 2 && problems[0].contains("nowhere/light/a.png: missing"))
  }

  @Test func namesAndFoldersAreChecked() throws {
    #expect(throws: EvaluationError.self) { try benchmark([Interpolation(.bicubic)]) }
    let held = try benchmark([])
    let error = #expect(throws: EvaluationError.self) { try benchmark([]) }
    #expect("\(error!)".contains("another process"))
    _ = try held.run()
  }
}
