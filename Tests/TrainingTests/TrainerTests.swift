import Foundation
import TestSupport
import Testing
import Torch

@testable import Training

@Suite(.ownThreads) struct TrainerTests {
  private func recipe(_ extra: String = "", width: Int = 48, steps: Int = 12) throws
    -> TrainingRecipe
  {
    try TrainingRecipe(
      text: """
        stage: tiny
        steps: \(steps)
        batch: 4
        learning_rate: 0.003
        warmup: 3
        precision: float32
        ema_decay: 0.9
        validation_every: 4
        preview_every: 0
        checkpoint_every: 4
        data: {crop: 32, flips: false, degradation: bicubic, flat_threshold: 0}
        model: {width: \(width)}
        """ + "\n" + extra)
  }

  @Test func overfitsFourPictures() throws {
    let (photos, output) = (try photos(4), try TemporaryFolder())
    let recipe = try recipe("decay: {to: 0.01}", steps: 400)
      .replacing("_every: 4", "_every: 100")
    let stage = try TinyStage()
    let outcome = try trainer(stage, recipe, photos, output / "run").run()
    #expect(outcome == .finished(step: 400))
    let losses = try losses(output / "run")
    #expect(losses.count == 400 && losses[0] > 0.1)
    #expect(losses.suffix(20).allSatisfy { $0 < 1e-3 })
    let validation = try logLines(output / "run/validation.jsonl")
    #expect(validation.count == 4)
    #expect((validation.last!["figures"] as! [String: Double])["error"]! < 1e-3)
    #expect(try String(contentsOfFile: output / "run/model/step.txt", encoding: .utf8) == "400")
  }

  @Test func resumedRunsEqualUninterruptedOnes() throws {
    let (photos, output) = (try photos(4, width: 64, height: 64), try TemporaryFolder())
    let recipe = try recipe("accumulation: 2")
    let whole = try TinyStage(noise: 0.1)
    _ = try trainer(whole, recipe, photos, output / "whole").run()
    let expected = try losses(output / "whole")
    #expect(expected.count == 12)

    // Asked to stop: the checkpoint is of that very step.
    let stopped = try TinyStage(noise: 0.1)
    let first = try trainer(stopped, recipe, photos, output / "stopped", stopAfter: 5).run()
    #expect(first == .interrupted(step: 5))
    let resumed = try TinyStage(noise: 0.1)
    let second = try trainer(resumed, recipe, photos, output / "stopped").run()
    #expect(second == .finished(step: 12))

    // Died at update 11, with a half-written checkpoint and log line: resumes from step 8.
    let died = try TinyStage(noise: 0.1)
    died.failsAt = 11
    #expect(throws: TinyStage.Failure.self) {
      try trainer(died, recipe, photos, output / "died").run()
    }
    let partial = output / "died/.checkpoint-000012.partial"
    try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: true)
    try Data("half".utf8).write(to: URL(fileURLWithPath: partial + "/parameters.safetensors"))
    let log = try FileHandle(forWritingTo: URL(fileURLWithPath: output / "died/log.jsonl"))
    try log.seekToEnd()
    try log.write(contentsOf: Data("{\"step\":11,\"lo".utf8))
    try log.close()
    let revived = try TinyStage(noise: 0.1)
    _ = try trainer(revived, recipe, photos, output / "died").run()
    #expect(!FileManager.default.fileExists(atPath: partial))

    // A device failed at update 7: the message names the step from which the run resumes.
    let failed = try TinyStage(noise: 0.1)
    failed.operatorFailsAt = 7
    let error = #expect(throws: TrainingError.self) {
      try trainer(failed, recipe, photos, output / "failed").run()
    }
    let text = "\(error!)"
    #expect(text.contains("stopped at step 7: the device failed") && text.contains("checkpoint 4"))
    let mended = try TinyStage(noise: 0.1)
    _ = try trainer(mended, recipe, photos, output / "failed").run()

    for (name, stage) in [("stopped", resumed), ("died", revived), ("failed", mended)] {
      #expect(try losses(output / name) == expected)
      let steps = try logLines(output / "\(name)/log.jsonl").map { $0["step"] as! Int }
      #expect(steps == Array(1...12))
      let validations = try logLines(output / "\(name)/validation.jsonl").map { $0["step"] as! Int }
      #expect(validations == [4, 8, 12])
      for (a, b) in zip(stage.store.parameters, whole.store.parameters) {
        #expect(a.value.floats == b.value.floats, "\(a.name) after \(name)")
      }
      #expect(CheckpointFolder(run: output / name).steps == [8, 12])
    }
  }

  @Test func aFinishedRunOnlyExportsAgain() throws {
    let (photos, output) = (try photos(2), try TemporaryFolder())
    let recipe = try recipe()
    _ = try trainer(TinyStage(), recipe, photos, output.path).run()
    try FileManager.default.removeItem(atPath: output / "model")
    #expect(try trainer(TinyStage(), recipe, photos, output.path).run() == .finished(step: 12))
    #expect(try losses(output.path).count == 12)
    #expect(FileManager.default.fileExists(atPath: output / "model/step.txt"))
  }

  @Test func otherModelsAndSecondProcessesAreRefused() throws {
    let (photos, output) = (try photos(2), try TemporaryFolder())
    do {
      let running = try trainer(TinyStage(), recipe(), photos, output.path)
      let busy = #expect(throws: TrainingError.self) {
        try trainer(TinyStage(), recipe(), photos, output.path)
      }
      #expect("\(busy!)".contains("another process is training"))
      _ = try running.run()
    }
    let other = #expect(throws: TrainingError.self) {
      try trainer(TinyStage(width: 16), recipe(width: 16), photos, output.path)
    }
    #expect("\(other!)".contains("model.width is 16, was 48"))
    // The same recipe, but a model that does not fit the file.
    let damaged = #expect(throws: TrainingError.self) {
      try trainer(TinyStage(width: 16), recipe(), photos, output.path)
    }
    #expect("\(damaged!)".contains("has shape"))
  }

  @Test func lossesThatAreNotFiniteEndTheRun() throws {
    let (photos, output) = (try photos(2), try TemporaryFolder())
    let stage = try TinyStage()
    stage.divergesFrom = 7
    let error = #expect(throws: TrainingError.self) {
      try trainer(stage, recipe(steps: 100), photos, output.path).run()
    }
    #expect("\(error!)".contains("stopped at step 26: 20 steps in a row"))
    #expect(CheckpointFolder(run: output.path).steps == [4])
    #expect(stage.store.parameters.allSatisfy { $0.value.floats.allSatisfy(\.isFinite) })
    let lines = try String(contentsOfFile: output / "log.jsonl", encoding: .utf8)
    #expect(lines.contains("\"skipped\":1") && lines.contains("\"nan\""))
  }

  @Test func previewsAreWritten() throws {
    let (photos, output) = (try photos(2), try TemporaryFolder())
    _ = try trainer(
      TinyStage(), recipe().replacing("preview_every: 0", "preview_every: 6"), photos, output.path
    ).run()
    let names = try FileManager.default.contentsOfDirectory(atPath: output / "previews").sorted()
    #expect(names == ["step-000006.jpg", "step-000012.jpg"])
  }

  @Test func accumulatedBatchesGiveTheGradientOfTheirMean() throws {
    let (photos, output) = (try photos(4, width: 64, height: 64), try TemporaryFolder())
    let (one, two) = (try TinyStage(), try TinyStage())
    _ = try trainer(one, recipe(steps: 3), photos, output / "one").run()
    let halves = try recipe("accumulation: 2", steps: 3).replacing("batch: 4", "batch: 2")
    _ = try trainer(two, halves, photos, output / "two").run()
    for (a, b) in zip(try losses(output / "one"), try losses(output / "two")) {
      #expect(abs(a - b) < 1e-5)
    }
  }
}

extension TrainingRecipe {
  func replacing(_ old: String, _ new: String) throws -> TrainingRecipe {
    try TrainingRecipe(text: text.replacingOccurrences(of: old, with: new), file: file)
  }
}
