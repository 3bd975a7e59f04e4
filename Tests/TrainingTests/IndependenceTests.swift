import Foundation
import Testing
import Torch

@testable import Training

@Suite struct IndependenceTests {
  private func recipe(seed: Int) throws -> TrainingRecipe {
    try TrainingRecipe(
      text: """
        stage: tokenizer
        seed: \(seed)
        steps: 6
        batch: 2
        learning_rate: 0.003
        precision: float32
        validation_every: 2
        preview_every: 0
        checkpoint_every: 0
        data: {crop: 64, validation_crop: 64, degradation: bicubic, flat_threshold: 0}
        model:
          name: tiny
          schedule: [1, 2, 4]
          tokenizer: {latent_channels: 8, base_channels: 32, channel_multipliers: [1, 2], residual_blocks: 1,
            stem_patch: 4, normalization: channel,
            trunk: {channels: 16, convolutions: 2, join: 1, code_channels: 16, scale: 4}}
        loss: {flips: 0.2, code_dropout: 0.3, picture: {adversarial: 0.1}}
        """)
  }

  private func stage(seed: Int) throws -> any TrainingStage {
    try makeStage(recipe(seed: seed), from: nil)
  }

  private func weights(_ stage: any TrainingStage) -> [[Float]] {
    stage.parameterGroups.flatMap(\.parameters).map(\.value.floats)
  }

  /// Two runs in one process that alternate after every update, or run at the same time, give the
  /// same results as each alone.
  @Test func runsDoNotDisturbEachOther() throws {
    let (photos, output) = (try photos(4, width: 64, height: 64), try TemporaryFolder())
    let alone = try [1, 2].map { seed in
      let stage = try stage(seed: seed)
      _ = try trainer(stage, recipe(seed: seed), photos, output / "alone\(seed)").run()
      return weights(stage)
    }
    #expect(alone[0] != alone[1])

    // Each stops after every update, so that the other one runs, and resumes.
    for update in 1...6 {
      for (index, seed) in [1, 2].enumerated() {
        let stage = try stage(seed: seed)
        let outcome = try trainer(
          stage, recipe(seed: seed), photos, output / "turns\(seed)", stopAfter: 1
        ).run()
        #expect(outcome == (update < 6 ? .interrupted(step: update) : .finished(step: 6)))
        if update == 6 { #expect(weights(stage) == alone[index], "seed \(seed), taking turns") }
      }
    }

    // Each thread uses its own run.
    nonisolated(unsafe) let runs = try [1, 2].map { seed in
      let stage = try stage(seed: seed)
      return (stage, try trainer(stage, recipe(seed: seed), photos, output / "at-once\(seed)"))
    }
    DispatchQueue.concurrentPerform(iterations: 2) { index in
      #expect(throws: Never.self) { try runs[index].1.run() }
    }
    for index in 0..<2 { #expect(weights(runs[index].0) == alone[index], "at once") }
  }
}
