import Foundation
import Imaging
import TestSupport
import Testing

/// `nsarm evaluate` and `nsarm benchmark` by several processes that share the folder of the report.
@Suite(.serialized, .ownThreads) struct SharedEvaluationTests {
  private let scratch = try! ScratchFolder()

  /// Runs a command once per rank at the same time, and once alone, in folders of their own.
  /// - Returns: the results of the ranks.
  private func ranks(_ size: Int, _ arguments: [String]) async throws -> [Command.Result] {
    try await withThrowingTaskGroup(of: (Int, Command.Result).self) { group in
      for rank in 0..<size {
        group.addTask {
          let environment = [
            "RANK": "\(rank)", "WORLD_SIZE": "\(size)", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "29500",
          ]
          return (rank, try Command.run(arguments, environment: environment))
        }
      }
      return try await group.reduce(into: [Int: Command.Result]()) { $0[$1.0] = $1.1 }
    }.sorted { $0.key < $1.key }.map(\.value)
  }

  private func report(_ name: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: scratch("\(name)/report.json")))
    let document = try JSONSerialization.jsonObject(with: data) as! [String: Any]
    return document["report"] as! [String: Any]
  }

  @Test func evaluationHasTheFiguresOfOneProcess() async throws {
    for index in 0..<5 {
      let image = scene(96, 80 + index)
      try scratch.write(image, "hr/\(index).png")
      try scratch.write(
        image.resized(toWidth: 24, height: 20, .area).resized(
          toWidth: 96, height: 80 + index, .bicubic), "mine/\(index).png")
    }
    _ = try scratch.write("mine/4.png", [1])
    func arguments(_ name: String) -> [String] {
      [
        "evaluate", "--restored", scratch("mine"), "--reference", scratch("hr"), "--threads", "1",
        "-o", scratch(name),
      ]
    }
    let alone = try Command.run(arguments("alone"))
    #expect(alone.status == 1 && alone.errors.contains("4.png"), "\(alone.errors)")
    let results = try await ranks(3, arguments("shared"))
    #expect(results[0].status == 1, "a file is damaged; \(results[0].errors)")
    #expect(results[0].errors.contains("4.png"))
    let output = alone.output.replacingOccurrences(of: scratch("alone"), with: scratch("shared"))
    #expect(results[0].output == output && results[1].output == "")
    #expect(results.dropFirst().allSatisfy { $0.errors.contains("rank 0 has the summary") })
    let files = ["alone", "shared"].map { scratch("\($0)/report.json") }
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: files[0]))
        == Data(contentsOf: URL(fileURLWithPath: files[1])))
    let refused = try await ranks(1, arguments("shared") + ["--overwrite"])
    #expect(refused[0].status == 64 && refused[0].errors.contains("--overwrite is for one"))
    let other = try await ranks(1, arguments("shared") + ["--border", "4"])
    #expect(other[0].status == 1 && other[0].errors.contains("border 0, now 4"))
  }

  @Test func aBenchmarkHasTheFiguresOfOneProcess() async throws {
    for index in 0..<3 { try scratch.write(scene(64, 64 + 4 * index), "photos/\(index).png") }
    let sets = try scratch.write(
      "sets.yaml", Array("sets: [{name: photos, folder: photos, damage: light}]".utf8))
    func arguments(_ name: String) -> [String] {
      ["benchmark", sets, "--model", Command.model, "--threads", "1", "-o", scratch(name)]
    }
    let alone = try Command.run(arguments("alone"))
    #expect(alone.status == 0, "\(alone.errors)")
    let results = try await ranks(2, arguments("shared"))
    #expect(results.map(\.status) == [0, 0], "\(results.map(\.errors))")
    #expect(results[0].output.contains("3 pictures") && results[1].output == "")
    let figures = try ["alone", "shared"].map { name in
      try (report(name)["pictures"] as! [[String: Any]]).map {
        [
          Data(($0["file"] as! String).utf8),
          try JSONSerialization.data(withJSONObject: $0["scores"]!, options: .sortedKeys),
        ]
      }
    }
    #expect(figures[0].count == 3 && figures[0] == figures[1])
    for name in ["0", "1", "2"] {
      let pictures = try ["alone", "shared"].map {
        try Data(
          contentsOf: URL(fileURLWithPath: scratch("\($0)/pictures/tiny/photos/\(name).png")))
      }
      #expect(pictures[0] == pictures[1])
    }
    let again = try Command.run(arguments("shared"))
    #expect(again.status == 0, "one process goes on with it; \(again.errors)")
  }
}
