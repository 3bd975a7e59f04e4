import Foundation
import TestSupport
import Testing
import Torch

@testable import Training

/// Several ranks train as one process does.
@Suite(.ownThreads) struct RankTests {
  private func recipe(_ extra: String = "", batch: Int = 4, steps: Int = 20) throws
    -> TrainingRecipe
  {
    try TrainingRecipe(
      text: """
        stage: tiny
        steps: \(steps)
        batch: \(batch)
        learning_rate: 0.003
        warmup: 3
        precision: float32
        ema_decay: 0.9
        validation_every: 10
        preview_every: 10
        checkpoint_every: 10
        data: {crop: 32, degradation: bicubic, flat_threshold: 0, validation_batch: 1}
        \(extra)
        """)
  }

  @Test(arguments: [2, 4])
  func ranksEqualOneProcess(_ size: Int) throws {
    let (photos, output) = (try photos(5, width: 64, height: 64), try TemporaryFolder())
    let recipe = try recipe("accumulation: 2")
    let one = try RankRun(recipe, data: photos.path, output: output / "one") { _ in
      try TinyStage(noise: 0.1)
    }
    let all = try RankRun.onAll(size, recipe, data: photos.path, output: output / "ranks") { _ in
      try TinyStage(noise: 0.1)
    }
    #expect(all.allSatisfy { $0.outcome == .finished(step: 20) })
    #expect(all.allSatisfy { $0.weights == all[0].weights })
    #expect(all[0].distance(to: one) < 1e-4)
    #expect(distance(try losses(output / "ranks"), try losses(output / "one")) < 1e-4)
    // Five batches of validation on two or four ranks: one of them has nothing left in the end.
    func errors(_ run: String) throws -> [Double] {
      try logLines(run + "/validation.jsonl").map { ($0["figures"] as! [String: Double])["error"]! }
    }
    #expect(try errors(output / "one").count == 2)
    #expect(distance(try errors(output / "ranks"), try errors(output / "one")) < 1e-4)

    let files = try FileManager.default.contentsOfDirectory(atPath: output.path).sorted()
    #expect(files == ["one", "ranks"])  // nothing of ranks above 0
    let previews = try FileManager.default.contentsOfDirectory(atPath: output / "ranks/previews")
    #expect(previews.count == 2)

    let keys = ["ranks", "rank_samples_per_second", "rank_wait_seconds", "bytes_sent"]
    let lines = (try logLines(output / "one/log.jsonl"), try logLines(output / "ranks/log.jsonl"))
    #expect(lines.0.allSatisfy { line in keys.allSatisfy { line[$0] == nil } })
    for line in lines.1 {
      #expect(line["ranks"] as? Int == size)
      #expect((line["rank_samples_per_second"] as? [Double])?.count == size)
      let bytes = try #require(line["bytes_sent"] as? [Int])
      // The gradients are sent once per update, however many batches it has.
      let gradients = 4 * one.weights.reduce(0) { $0 + $1.count }
      let volume = 2 * (size - 1) * gradients / size
      #expect(bytes.count == size && bytes.allSatisfy { $0 >= volume && $0 < volume * 11 / 10 })
    }
  }

  /// Ranks without noise of their own would do, were they all given the same samples.
  @Test func eachRankHasSamplesOfItsOwn() throws {
    struct Numbers: TrainingSource {
      let count = 1
      let pixels = 1
      let hasTeacher = false
      let fingerprint: UInt64 = 0

      func pair(_ index: Int) -> TrainingPair {
        TrainingPair(
          scale: 1, highQuality: [0, 0, 0], lowQuality: [0, 0, 0], height: 1, width: 1,
          seed: UInt64(index))
      }
    }
    func batches(_ part: Int, of count: Int) throws -> [[UInt64]] {
      let loader = BatchLoader(
        Numbers(), size: 12, first: 3, threads: 2, ahead: 2, part: (part, count))
      defer { loader.stop() }
      return try (0..<3).map { _ in try loader.next().batch.seeds }
    }
    let whole = try batches(0, of: 1)
    #expect(whole[0] == Array(36..<48))
    for count in [2, 3, 4] {
      let parts = try (0..<count).map { try batches($0, of: count) }
      for (index, batch) in whole.enumerated() { #expect(parts.flatMap { $0[index] } == batch) }
    }
  }

  @Test func batchesThatCannotBeSharedAreRefused() throws {
    try recipe(batch: 12).checkBatch(ranks: 4)
    let error = #expect(throws: TrainingError.self) {
      try recipe(batch: 4).checkBatch(ranks: 3)
    }
    let text = "\(error!)"
    #expect(text.contains("'batch' is 4, which 3 ranks cannot share evenly"))
    #expect(text.contains("(1, 2, 4)") && text.contains("multiple of 3"))
  }

  /// A run goes on with any number of ranks, in the same order of samples.
  @Test func restartsWithOtherNumbersOfRanks() throws {
    let (photos, output) = (try photos(5, width: 64, height: 64), try TemporaryFolder())
    let recipe = try recipe(batch: 12)
    let (data, run) = (photos.path, output / "run")
    let make: @Sendable (ProcessGroup?) throws -> any TrainingStage = { _ in
      try TinyStage(noise: 0.1)
    }
    let whole = try RankRun(recipe, data: data, output: output / "whole", stage: make)
    var step = 0
    for (size, stop) in [(2, 4), (4, 7), (1, 9), (3, 15)] {
      let parts =
        try size == 1
        ? [RankRun(recipe, data: data, output: run, stopAfter: stop, stage: make)]
        : RankRun.onAll(size, recipe, data: data, output: run, stopAfter: stop, stage: make)
      #expect(parts.allSatisfy { $0.outcome == .interrupted(step: stop) })
      #expect(stop > step && CheckpointFolder(run: run).steps.last == stop)
      step = stop
    }
    let state = try String(contentsOfFile: run + "/checkpoint-000015/state.json", encoding: .utf8)
    #expect(state.contains("\"ranks\":3"))
    let last = try RankRun.onAll(2, recipe, data: data, output: run, stage: make)
    #expect(last.allSatisfy { $0.outcome == .finished(step: 20) })
    #expect(last[1].distance(to: whole) < 1e-4)
    #expect(distance(try losses(run), try losses(output / "whole")) < 1e-4)
  }

  /// One rank is asked to stop, and all do after the same update.
  @Test func allStopWhereOneIsAskedTo() throws {
    let (photos, output) = (try photos(3), try TemporaryFolder())
    let (data, run, text) = (photos.path, output / "run", try recipe().text)
    let outcomes = try onRanks(3) { group, _ in
      try RankRun(
        TrainingRecipe(text: text.replacingOccurrences(of: "batch: 4", with: "batch: 6")),
        data: data, output: run, group: group, stopAfter: group.rank == 1 ? 5 : .max
      ) { _ in try TinyStage() }.outcome
    }
    for outcome in outcomes { #expect(try outcome.get() == .interrupted(step: 5)) }
    #expect(CheckpointFolder(run: run).steps == [5])
  }

  @Test func lossesOfOneRankThatAreNotFiniteAreSkippedByAll() throws {
    let (photos, output) = (try photos(3), try TemporaryFolder())
    let (data, run, text) = (photos.path, output / "run", try recipe(steps: 100).text)
    let outcomes = try onRanks(2) { group, _ in
      try RankRun(TrainingRecipe(text: text), data: data, output: run, group: group) {
        let stage = try TinyStage()
        if $0!.rank == 1 { stage.divergesFrom = 7 }
        return stage
      }
    }
    for outcome in outcomes {
      let error = #expect(throws: TrainingError.self) { try outcome.get() }
      #expect("\(error!)".contains("stopped at step 26: 20 steps in a row"))
    }
  }
}
