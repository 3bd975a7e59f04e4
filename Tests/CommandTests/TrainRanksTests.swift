import Foundation
import TestSupport
import Testing

/// `nsarm train` as several processes.
@Suite(.ownThreads) struct TrainRanksTests {
  private let scratch = try! ScratchFolder()

  private func recipe(steps: Int) throws -> String {
    try scratch.write(
      "recipe.yaml",
      Array(
        """
        stage: tokenizer
        steps: \(steps)
        batch: 2
        learning_rate: 0.001
        precision: float32
        validation_every: 0
        preview_every: 0
        data: {crop: 32, validation_crop: 32, degradation: bicubic, flat_threshold: 0}
        model:
          name: tiny
          schedule: [1, 2]
          tokenizer: {latent_channels: 8, base_channels: 16, channel_multipliers: [1, 2], residual_blocks: 1,
            stem_patch: 4, normalization: channel,
            trunk: {channels: 8, convolutions: 2, join: 1, code_channels: 8, scale: 4}}
        """.utf8))
  }

  private var photos: String { scratch("photos") }

  private func arguments(_ steps: Int, output: String, data: String? = nil) throws -> [String] {
    try scratch.write(scene(64, 64), "photos/a.png")
    return [
      "train", try recipe(steps: steps), "--data", data ?? photos, "--output", scratch(output),
      "--threads", "1", "--timeout", "60",
    ]
  }

  /// Two processes, whose output goes to files.
  private struct Ranks {
    let processes: [Process]
    let files: [String]

    /// - Parameter arguments: those of each rank.
    init(_ arguments: [[String]], in scratch: ScratchFolder) throws {
      let server = try LocalServer { _, _ in .silence }
      let port = server.port
      server.stop()
      let size = arguments.count
      let files = arguments.indices.map { scratch("rank\($0).txt") }
      self.files = files
      processes = try arguments.enumerated().map { rank, arguments in
        let process = Command.process(
          arguments,
          environment: [
            "RANK": "\(rank)", "WORLD_SIZE": "\(size)",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
          ])
        _ = FileManager.default.createFile(atPath: files[rank], contents: nil)
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: files[rank]))
        process.standardOutput = handle
        process.standardError = handle
        return process
      }
      for process in processes { try process.run() }
    }

    /// The statuses, and what each has written, when all have ended.
    func results() throws -> [(status: Int32, text: String)] {
      for process in processes { process.waitUntilExit() }
      return try zip(processes, files).map {
        ($0.terminationStatus, try String(contentsOfFile: $1, encoding: .utf8))
      }
    }

    func end() {
      for process in processes where process.isRunning { kill(process.processIdentifier, SIGKILL) }
      for process in processes { process.waitUntilExit() }
    }
  }

  private func losses(_ run: String) throws -> [Double] {
    try String(contentsOfFile: scratch(run) + "/log.jsonl", encoding: .utf8).split(separator: "\n")
      .map { line in
        let entry = try JSONSerialization.jsonObject(with: Data(line.utf8)) as! [String: Any]
        return (entry["loss"] as! [String: Double])["generator"]!
      }
  }

  @Test func twoTrainAsOneDoes() throws {
    let alone = try Command.run(try arguments(4, output: "one"))
    #expect(alone.status == 0, "\(alone.errors)")
    let arguments = try arguments(4, output: "two")
    let ranks = try Ranks([arguments, arguments], in: scratch)
    defer { ranks.end() }
    let results = try ranks.results()
    #expect(results.map(\.status) == [0, 0], "\(results)")
    #expect(results[0].text.contains("2 ranks train together"))
    #expect(results[0].text.contains("finished after 4 steps"))
    #expect(!results[1].text.contains("finished") && !results[1].text.contains("step 1/4"))
    let (one, two) = (try losses("one"), try losses("two"))
    #expect(one.count == 4 && two.count == 4)
    for (a, b) in zip(one, two) { #expect(abs(a - b) < 1e-3 * abs(a)) }
  }

  @Test func aSignalToOneStopsBoth() throws {
    let arguments = try arguments(1_000_000, output: "run")
    let ranks = try Ranks([arguments, arguments], in: scratch)
    defer { ranks.end() }
    let log = scratch("run") + "/log.jsonl"
    while ranks.processes.allSatisfy(\.isRunning) {
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      if text.split(separator: "\n").count > 2 { break }
      Thread.sleep(forTimeInterval: 0.05)
    }
    kill(ranks.processes[1].processIdentifier, SIGTERM)
    let results = try ranks.results()
    #expect(results.map(\.status) == [143, 143], "\(results)")
    let count = try losses("run").count
    #expect(results[0].text.contains("stopped after step \(count);"), "\(results[0].text)")
    let digits = String(count)
    let name = "checkpoint-" + String(repeating: "0", count: 6 - digits.count) + digits
    #expect(FileManager.default.fileExists(atPath: scratch("run") + "/" + name))
  }

  @Test func theProblemOfOneIsToldByBoth() throws {
    let good = try arguments(4, output: "run")
    let bad = try arguments(4, output: "run", data: scratch("nowhere"))
    let ranks = try Ranks([good, bad], in: scratch)
    defer { ranks.end() }
    let results = try ranks.results()
    #expect(results.map(\.status) == [1, 1], "\(results)")
    #expect(results[1].text.contains("error: rank 1: \(scratch("nowhere")): no such folder"))
    #expect(results[0].text.contains("error: rank 0: rank 1 ("), "\(results[0].text)")
    #expect(results[0].text.contains("stopped: \(scratch("nowhere")): no such folder"))
  }

  @Test func halfAnEnvironmentIsRefused() throws {
    let arguments = try arguments(4, output: "run")
    for (environment, problem) in [
      (["WORLD_SIZE": "2"], "RANK is not set"),
      (["WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "127.0.0.1"], "RANK is '2'"),
      (["WORLD_SIZE": "two"], "WORLD_SIZE is 'two'"),
    ] {
      let result = try Command.run(arguments, environment: environment)
      #expect(result.status == 1 && result.errors.contains(problem), "\(result.errors)")
      #expect(result.errorLines.count == 1)
    }
    let late = try Command.run(arguments + ["--timeout", "0"])
    #expect(late.status != 0 && late.errors.contains("--timeout has to be"), "\(late.errors)")
  }
}
