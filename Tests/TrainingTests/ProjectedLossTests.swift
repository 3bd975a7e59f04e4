import ImageQuality
import TestSupport
import Testing
import Torch

@testable import Training

/// The discriminator on VGG's activations.
@Suite(.ownThreads) struct ProjectedLossTests {
  private let truth = wave(64, 64, kind: 1).planes().tensor.unsqueezed(0).signed
  private let other = wave(64, 64, kind: 2).planes().tensor.unsqueezed(0).signed

  private func loss(
    _ change: (inout PictureLossSettings) -> Void = { _ in }
  ) throws -> PictureLoss {
    var settings = PictureLossSettings()
    settings.vgg.weight = 0.1
    settings.projected.weight = 0.6
    settings.projected.from = 10
    change(&settings)
    return try PictureLoss(settings, gridPeriods: [4, 8], seed: 1, on: .cpu)
  }

  private func gradient(
    _ loss: PictureLoss, step: Int
  ) throws -> (value: PictureLoss.Value, gradient: Tensor) {
    let picture = other.detached().cloned()
    picture.requiresGradient = true
    let value = try loss(
      picture, truth, teacher: nil, step: step, random: UpdateRandom(seed: 1, step: 1))
    try value.loss.backward()
    return (value, picture.gradient!)
  }

  @Test func hingeByHand() {
    let real = [Tensor([2, 0.5] as [Float], shape: [2]), Tensor([-1] as [Float], shape: [1])]
    let fake = [Tensor([-3, 0] as [Float], shape: [2]), Tensor([0.5] as [Float], shape: [1])]
    // (0 + 0.5) / 2 + (0 + 1) / 2 = 0.75; 2 + 1.5 = 3.5
    #expect(abs(HingeLoss.ofDiscriminator(real: real, fake: fake).item - 2.125) < 1e-6)
    #expect(abs(HingeLoss.ofGenerator(fake).item - (1.5 - 0.5) / 2) < 1e-6)
  }

  /// The gradient of one loss, plus that of another scaled to a fraction of its length.
  @Test func gradientsAreJoined() throws {
    let random = RandomGenerator(seed: 2)
    let leaf = Tensor.randn([50], using: random)
    let (a, b) = (Tensor.randn([50], using: random), Tensor.randn([50], using: random))
    leaf.requiresGradient = true
    let picture = leaf * 1
    let own = (picture * a).sum()
    let joined = try own.joined(by: (picture * b).sum() * 1000, weight: 0.25, at: picture)
    #expect(joined.item == own.item)
    try joined.backward()
    let added = leaf.gradient! - a
    #expect(abs(added.norm().item / a.norm().item - 0.25) < 1e-4)
    #expect(abs((added * b).sum().item / (added.norm().item * b.norm().item) - 1) < 1e-4)
  }

  @Test(.enabled(if: MetricWeights.arePresent, "scripts/metric-weights was not run"))
  func theTermGrowsToAShareOfTheGradient() throws {
    let plain = try gradient(loss { $0.projected.weight = 0 }, step: 1)
    for (step, share) in [(1, 0.0), (10, 0), (30, 0.3), (50, 0.6), (500, 0.6)] {
      let (value, gradient) = try gradient(loss(), step: step)
      #expect(abs(value.loss.item - plain.value.loss.item) < 1e-6)
      let ratio = (gradient - plain.gradient).norm().item / plain.gradient.norm().item
      #expect(abs(ratio - share) < 1e-3, "update \(step): \(ratio)")
      #expect((value.figures["adversarial"] != nil) == (share > 0))
    }
  }

  /// Its updates learn to distinguish two pictures, from activations without a graph.
  @Test(.enabled(if: MetricWeights.arePresent, "scripts/metric-weights was not run"))
  func theDiscriminatorLearns() throws {
    let loss = try loss()
    let input = try #require(gradient(loss, step: 1).value.discriminatorInput)
    #expect(input.real.count == 4 && input.fake.count == 4)
    #expect((input.real + input.fake).allSatisfy { !$0.requiresGradient })
    let group = try #require(loss.parameterGroups.first)
    var recipe = AdamW.Configuration()
    recipe.weightDecay = 0
    let configuration = loss.optimizer(of: group.name, recipe)
    #expect(configuration.beta1 == 0 && configuration.beta2 == 0.99)
    #expect(loss.optimizer(of: "generator", recipe) == recipe)
    let optimizer = AdamW(group.parameters, configuration)
    var losses: [Double] = []
    for _ in 0..<30 {
      let value = loss.discriminatorLoss(input).loss
      losses.append(value.item)
      try value.backward()
      optimizer.step(learningRate: 0.001)
    }
    #expect(losses[0] > 1.5 && losses.last! < 0.75 * losses[0], "\(losses)")
  }

  /// The discriminator's vectors and projections are in the checkpoint.
  @Test(.enabled(if: MetricWeights.arePresent, "scripts/metric-weights was not run"))
  func resumedRunsEqualUninterruptedOnes() throws {
    let (photos, output) = (try photos(2, width: 64, height: 64), try TemporaryFolder())
    let recipe = try TrainingRecipe(
      text: """
        stage: decoder
        steps: 6
        batch: 2
        accumulation: 2
        learning_rate: 0.001
        learning_rates: {discriminator: 0.002}
        warmup: 0
        precision: float32
        validation_every: 0
        preview_every: 0
        data: {crop: 64, validation_crop: 64, degradation: grain, flat_threshold: 0}
        model:
          name: tiny
          schedule: [1, 2, 4]
          tokenizer: {latent_channels: 8, base_channels: 16, channel_multipliers: [1, 2], residual_blocks: 1,
            stem_patch: 4, normalization: channel,
            trunk: {channels: 16, convolutions: 2, join: 1, code_channels: 16, scale: 4}}
        loss:
          code: none
          picture:
            vgg: {weight: 0.1, target: teacher, window: 48, zoom: 0.2, zoom_share: 0.5}
            projected: {weight: 0.6}
        """)
    func train(_ run: String, stopAfter: Int = .max) throws -> any TrainingStage {
      let stage = try makeStage(recipe, from: nil)
      _ = try trainer(stage, recipe, photos, output / run, stopAfter: stopAfter).run()
      return stage
    }
    let whole = try train("whole")
    _ = try train("run", stopAfter: 3)
    let resumed = try train("run")
    for group in ["generator", "discriminator"] {
      let expected = try losses(output / "whole", of: group)
      #expect(expected.count == 6)
      #expect(try losses(output / "run", of: group) == expected)
    }
    #expect(!whole.buffers.isEmpty)
    for (a, b) in zip(whole.buffers, resumed.buffers) {
      #expect(a.value.floats == b.value.floats, "\(a.name)")
    }
    let figures = try #require(try logLines(output / "run/validation.jsonl").last)["figures"]
    let known = try #require(figures as? [String: Double])
    #expect(known["psnr_teacher"] != nil && known["lpips_vgg_teacher"] != nil)
  }
}
