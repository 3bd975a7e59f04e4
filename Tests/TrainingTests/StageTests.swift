import Foundation
import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// A tiny NSARM memorises four pictures through all stages.
@Suite(.ownThreads) struct StageTests {
  /// The settings that all stages share: every picture is one tile, and nothing varies.
  private func recipe(_ stage: String, steps: Int, _ sections: String) throws -> TrainingRecipe {
    try TrainingRecipe(
      text: """
        stage: \(stage)
        steps: \(steps)
        batch: 4
        learning_rate: 0.003
        warmup: 10
        decay: {to: 0.01}
        optimizer: {weight_decay: 0}
        precision: float32
        ema_decay: 0.9
        validation_every: 0
        preview_every: 0
        checkpoint_every: 0
        data: {crop: 64, validation_crop: 64, flips: false, degradation: bicubic, flat_threshold: 0}
        \(sections)
        """)
  }

  /// Trains a stage and returns its losses and its last validation.
  private func train(
    _ recipe: TrainingRecipe, _ photos: TemporaryFolder, from earlier: String?, to output: String
  ) throws -> (losses: [Double], figures: [String: Double]) {
    let settings = recipe.settings
    let stage = try makeStage(recipe, from: earlier)
    let outcome = try trainer(stage, recipe, photos, output).run()
    #expect(outcome == .finished(step: settings.steps!))
    let losses = try losses(output, of: stage.parameterGroups[0].name)
    let last = try logLines(output + "/validation.jsonl").last!
    return (losses, last["figures"] as! [String: Double])
  }

  @Test func allStagesLearnFourPicturesByHeart() throws {
    let (photos, output) = (try photos(4, width: 64, height: 64), try TemporaryFolder())

    let trunk = try train(
      recipe(
        "decoder", steps: 100,
        """
        model:
          name: tiny
          schedule: [1, 2, 4]
          tokenizer: {latent_channels: 8, base_channels: 32, channel_multipliers: [1, 2], residual_blocks: 1,
            stem_patch: 4, normalization: channel,
            trunk: {channels: 16, convolutions: 2, join: 1, code_channels: 16, scale: 4}}
        loss: {code: none, picture: {l1: 0.5, teacher: 0.5}}
        """), photos, from: nil, to: output / "trunk")
    #expect(trunk.losses.last! < 0.9 * trunk.losses[0])

    let tokenizer = try train(
      recipe(
        "tokenizer", steps: 200,
        "loss: {quantization: 0, code_dropout: 0}"),
      photos, from: output / "trunk/model", to: output / "tokenizer")
    #expect(tokenizer.losses.last! < 0.7 * trunk.losses.last!)
    #expect(tokenizer.figures["psnr"]! > tokenizer.figures["psnr_bicubic"]!)
    #expect(tokenizer.figures["psnr"]! > tokenizer.figures["psnr_without_code"]! + 1)

    let transformer = try train(
      recipe(
        "transformer", steps: 250,
        """
        model:
          transformer: {width: 64, depth: 2, heads: 2, picture: {channels: 16, blocks: 1, patch: 4}}
        loss: {self_correction: {maximum: 0}}
        """), photos, from: output / "tokenizer/model", to: output / "transformer")
    #expect(transformer.losses[0] > 0.6 && transformer.losses.last! < 0.05)
    for scale in 1...3 { #expect(transformer.figures["accuracy_\(scale)"]! > 0.99) }

    let stage1 = try train(
      recipe(
        "stage1", steps: 120,
        "model: {transformation_network: {channels: 32, blocks: 1, patch: 4, scales: [2, 4]}}"),
      photos, from: output / "transformer/model", to: output / "stage1")
    #expect(stage1.losses.last! < 0.01 * stage1.losses[0])
    #expect(stage1.figures["mse_2"]! < 0.02 * stage1.figures["variance_2"]!)

    let stage2 = try train(
      recipe("stage2", steps: 50, "loss: {self_correction: {maximum: 0}}"),
      photos, from: output / "stage1/model", to: output / "stage2")
    #expect(stage2.losses.last! < 0.05)
    #expect(stage2.figures["accuracy_3"]! > 0.99)

    let decoder = try train(
      recipe(
        "decoder", steps: 40,
        "loss: {picture: {adversarial: 0.001}}"), photos,
      from: output / "stage2/model", to: output / "decoder")
    #expect(decoder.losses[0] < 1.5 * tokenizer.losses.last!)
    // The pictures have been memorised already.
    #expect(stage2.figures["psnr"]! > 45)
    #expect(decoder.figures["psnr"]! > stage2.figures["psnr"]! - 0.1)

    // Windows of the tiles; the other networks stay as they are.
    let windows = try train(
      recipe(
        "decoder", steps: 20, "loss: {window: 32, windows: 2}"),
      photos, from: output / "decoder/model", to: output / "windows")
    #expect(windows.figures["psnr"]! > tokenizer.figures["psnr_bicubic"]!)
    let (before, after) = (
      try ModelFolder(output / "decoder/model").load(.float32),
      try ModelFolder(output / "windows/model").load(.float32)
    )
    for part in Model.Part.allCases where part != .decoder {
      for (old, new) in zip(before.parameters(of: part), after.parameters(of: part)) {
        #expect((old.value - new.value).abs().max().item == 0, "\(new.name)")
      }
    }
  }
}
