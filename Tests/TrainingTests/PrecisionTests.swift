import Foundation
import ImageQuality
import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// Every stage in float32 and in bfloat16, and runs that continue in the other precision.
@Suite(.ownThreads) struct PrecisionTests {
  /// A recipe of six updates.
  private func recipe(_ stage: String) throws -> TrainingRecipe {
    let sections = [
      "tokenizer": """
      model:
        name: tiny
        schedule: [1, 2, 4]
        tokenizer: {latent_channels: 8, base_channels: 16, channel_multipliers: [1, 2], residual_blocks: 1,
          stem_patch: 4, normalization: channel,
          trunk: {channels: 16, convolutions: 2, join: 1, code_channels: 16, scale: 4}}
      loss: {picture: {vgg: {weight: 0}}}
      """,
      "transformer":
        "model: {transformer: {width: 64, depth: 2, heads: 2, picture: {channels: 16, blocks: 1, patch: 4}}}",
      "stage1":
        "model: {transformation_network: {channels: 16, blocks: 1, patch: 4, scales: [2, 4]}}",
      "stage2": "",
      "decoder": "loss: {picture: {adversarial: 0.01}, window: 32}",
      "distillation": "",
    ]
    return try TrainingRecipe(
      text: """
        stage: \(stage)
        steps: 6
        batch: 2
        learning_rate: 0.001
        warmup: 0
        validation_every: 0
        preview_every: 6
        checkpoint_every: 0
        data: {crop: 64, validation_crop: 64, flips: false, degradation: bicubic, flat_threshold: 0}
        \(sections[stage]!)
        """)
  }

  @Test func runsOfEveryStageGoOnInTheOtherPrecision() throws {
    let (photos, output) = (try photos(2, width: 64, height: 64), try TemporaryFolder())
    var earlier: String?
    for name in StageName.allCases.map(\.rawValue) {
      let recipe = try recipe(name)
      func train(_ precision: Precision, _ run: String, stopAfter: Int = .max) throws
        -> TrainingState
      {
        let stage = try makeStage(
          recipe, from: earlier, policy: ComputePolicy(precision))
        #expect(stage.policy.precision == precision)
        let trainer = try trainer(stage, recipe, photos, output / run, stopAfter: stopAfter)
        _ = try trainer.run()
        return trainer.state
      }
      let group = try train(.float32, "\(name)-float32").groups[0].name
      let expected = try losses(output / "\(name)-float32", of: group)
      for (first, second) in [(Precision.bfloat16, Precision.float32), (.float32, .bfloat16)] {
        let run = "\(name)-\(first)-\(second)"
        let begun = try train(first, run, stopAfter: 3)
        #expect(begun.computed == "\(first) on cpu")
        let ended = try train(second, run)
        #expect(ended.step == 6 && ended.computed == "\(second) on cpu")
        // bfloat16 has 8 bits of precision, and a flipped bit of the code matters in pictures this
        // small: losses are close to those of float32, but not equal.
        for (loss, exact) in zip(try losses(output / run, of: group), expected) {
          #expect(abs(loss - exact) < 0.3 * abs(exact) + 0.01, "\(run): \(loss), float32 \(exact)")
        }
        let model = try ModelFolder(output / "\(run)/model").load(.float32)
        #expect(model.store.parameters.allSatisfy { $0.value.floats.allSatisfy(\.isFinite) })
      }
      earlier = output / "\(name)-float32/model"
    }
  }

  @Test func aChangeIsSaid() throws {
    let state = try TrainingState(TinyStage(), .init())
    #expect(state.change(to: .float32) == nil)
    state.computed = "float32 on cpu"
    #expect(state.change(to: .float32) == nil)
    let change = try #require(state.change(to: try ComputePolicy(.bfloat16)))
    #expect(
      change.contains("float32 on cpu so far") && change.contains("no longer gives the same bits"))
  }

  @Test(.enabled(if: MetricWeights.arePresent, "scripts/metric-weights was not run"))
  func thePerceptualLossPullsTowardsTheTruth() throws {
    var settings = PictureLossSettings()
    settings.l1 = 0
    settings.vgg.weight = 1
    let loss = try PictureLoss(settings, gridPeriods: [4, 8], seed: 1, on: .cpu)
    let truth = wave(64, 64, kind: 1).planes().tensor.unsqueezed(0).signed
    for precision in [Precision.float32, .bfloat16] {
      let picture = (truth + 0.3).detached().cloned()
      picture.requiresGradient = true
      let policy = try ComputePolicy(precision).forTraining()
      try policy {
        let far = try loss(
          picture, truth, teacher: nil, step: 1, random: UpdateRandom(seed: 1, step: 1))
        #expect(far.figures["lpips_vgg"]! > 0.001)
        try far.loss.backward()
      }
      #expect(
        try loss(truth, truth, teacher: nil, step: 1, random: UpdateRandom(seed: 1, step: 1))
          .figures[
            "lpips_vgg"] == 0)
      let gradient = picture.gradient!
      #expect(gradient.dtype == .float32 && gradient.floats.allSatisfy(\.isFinite))
      // A step against the gradient reduces the loss.
      let better = picture.detached() - gradient * (0.02 / gradient.abs().max().item)
      #expect(
        try loss(better, truth, teacher: nil, step: 1, random: UpdateRandom(seed: 1, step: 1))
          .figures[
            "lpips_vgg"]!
          < loss(
            picture.detached(), truth, teacher: nil, step: 1, random: UpdateRandom(seed: 1, step: 1)
          )
          .figures[
            "lpips_vgg"]!)
    }
  }
}
