import Foundation
import ImageQuality
import ModelTestSupport
import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// Twenty updates of every stage on two and four ranks equal those of one process: parameters to
/// 1e-3 of their length, losses to 2e-3 of their size, figures, some of which are single terms of
/// opposite sign, to 1e-2. Sums are taken in another order, and what is left of the difference
/// grows with every update.
@Suite(.ownThreads) struct RankStageTests {
  private func recipe(_ stage: String, _ loss: String) throws -> TrainingRecipe {
    // With a larger ε, gradients that are nothing but rounding change nothing.
    try TrainingRecipe(
      text: """
        stage: \(stage)
        steps: 20
        batch: 4
        learning_rate: 0.002
        warmup: 5
        optimizer: {epsilon: 0.001}
        precision: float32
        ema_decay: 0.9
        validation_every: 0
        preview_every: 0
        checkpoint_every: 10
        data: {crop: 64, validation_crop: 64, degradation: bicubic, flat_threshold: 0, validation_batch: 1}
        loss: \(loss)
        """)
  }

  private func compare(_ stage: String, _ loss: String) throws {
    let (photos, output) = (try photos(5, width: 96, height: 96), try TemporaryFolder())
    var configuration = TinyModel.configuration
    configuration.schedule = [1, 2, 4].map { GridSize($0, $0) }
    configuration.rotaryReference = GridSize(4, 4)
    let model = try TinyModel.write(configuration, in: output.path)
    let recipe = try recipe(stage, loss)
    let text = recipe.text
    let make: @Sendable (ProcessGroup?) throws -> any TrainingStage = { group in
      try makeStage(TrainingRecipe(text: text), from: model, group: group)
    }
    func log(_ run: String) throws -> [[String: Double]] {
      try logLines(output / run + "/log.jsonl").map { line in
        let losses = (line["loss"] as! [String: Double]).map { ("loss of " + $0, $1) }
        let figures = line["figures"] as! [String: Double]
        return figures.merging(losses) { $1 }
      }
    }
    let one = try RankRun(
      recipe, data: photos.path, output: output / "one", stage: make)
    let expected = try log("one")
    for size in [2, 4] {
      let all = try RankRun.onAll(
        size, recipe, data: photos.path, output: output / "on\(size)", stage: make)
      #expect(all.allSatisfy { $0.weights == all[0].weights })
      #expect(all[0].distance(to: one) < 1e-3, "\(stage) on \(size): \(all[0].distance(to: one))")
      let found = try log("on\(size)")
      #expect(found.count == 20 && expected.count == 20)
      for name in expected[19].keys {
        let difference = distance(found.map { $0[name] ?? 0 }, expected.map { $0[name] ?? 0 })
        let tolerance = name.hasPrefix("loss of ") ? 2e-3 : 1e-2
        #expect(difference < tolerance, "\(name) of \(stage) on \(size): \(difference)")
      }
    }
    // The updates did something, so that the comparison can fail.
    let start = try makeStage(recipe, from: model)
    let before = start.parameterGroups.flatMap(\.parameters).map(\.value.floats)
    var unchanged = one
    unchanged.weights = before
    #expect(one.distance(to: unchanged) > 3e-3)
  }

  @Test func tokenizer() throws {
    try compare("tokenizer", "{flips: 0.2, code_dropout: 0.3, picture: {adversarial: 0.1}}")
  }

  @Test func transformer() throws { try compare("transformer", "{label_smoothing: 0.1}") }

  @Test func stage1() throws { try compare("stage1", "{labels: original}") }

  @Test func stage2() throws { try compare("stage2", "{labels: original}") }

  @Test func decoder() throws {
    try compare(
      "decoder", "{window: 32, windows: 2, picture: {l1: 1, grid: 0.1, adversarial: 0.1}}")
  }

  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["NSARM_SLOW_TESTS"] != nil
        && MetricWeights.arePresent,
      "half a minute; set NSARM_SLOW_TESTS and run scripts/metric-weights"))
  func projectedLoss() throws {
    try compare(
      "decoder",
      "{code: none, picture: {vgg: {weight: 0.1, window: 48, zoom: 0.2}, "
        + "projected: {weight: 0.6, from: 1}}}")
  }
}
