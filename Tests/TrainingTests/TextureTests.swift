import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// Supervision that follows the texture of the original.
@Suite(.ownThreads) struct TextureTests {
  private let scratch = try! TemporaryFolder()

  /// Pictures of 64 pixels: the left half flat, the right half noise of `level` 8-bit levels.
  private func pictures(_ level: Double = 20) -> Tensor {
    let noise = Tensor.randn([2, 3, 64, 64], using: RandomGenerator(seed: 1)) * (level / 127.5)
    let isRight = Tensor((0..<64).map { Float($0 >= 32 ? 1 : 0) }, shape: [1, 1, 1, 64])
    return noise * isRight
  }

  private func weighting(_ exponent: Double, floor: Double = 2) -> TextureWeighting {
    var weighting = TextureWeighting()
    (weighting.exponent, weighting.floor) = (exponent, floor)
    return weighting
  }

  /// The mean over the left and over the right half.
  private func halves(_ weights: Tensor) -> (left: Double, right: Double) {
    let half = weights.size(3) / 2
    return (
      weights.narrowed(3, from: 0, count: half).mean().item,
      weights.narrowed(3, from: half, count: half).mean().item
    )
  }

  @Test func weightsFollowTextureAndHaveTheMean1() {
    for exponent in [1.0, 0.5, -1] {
      for weights in [
        weighting(exponent).weights(pictures(), GridSize(8, 8)),
        weighting(exponent).pixelWeights(pictures()),
      ] {
        #expect((weights.mean([1, 2, 3]) - 1).abs().max().item < 1e-5)
        #expect(weights.min().item > 0 && !weights.requiresGradient)
        let (left, right) = halves(weights)
        #expect(exponent > 0 ? right > 1.2 * left : left > 1.2 * right, "\(exponent)")
      }
    }
    #expect(weighting(1).pixelWeights(pictures()).shape == [2, 1, 64, 64])
    // Each picture by itself: another one in the batch changes nothing.
    let pair = Tensor.concatenated([pictures(), pictures(80)], 0)
    let alone = weighting(1).weights(pictures(), GridSize(4, 4))
    let among = weighting(1).weights(pair, GridSize(4, 4)).narrowed(0, from: 0, count: 2)
    #expect((alone - among).abs().max().item < 1e-6)
    // Equal weights where there is no structure, and the more equal, the higher the floor.
    let flat = weighting(1).weights(Tensor.zeros([1, 3, 64, 64]), GridSize(4, 4))
    #expect((flat - 1).abs().max().item < 1e-6)
    let (low, high) = (
      halves(weighting(1).weights(pictures(), GridSize(8, 8))),
      halves(weighting(1, floor: 100).weights(pictures(), GridSize(8, 8)))
    )
    #expect(high.right - high.left < 0.5 * (low.right - low.left))
  }

  /// One weight per token, row by row, of a mean of 1 on every scale.
  @Test func tokensOfAllScales() throws {
    let schedule = ScaleSchedule([1, 2, 4].map { GridSize($0, $0) })
    #expect(TextureWeighting().tokenWeights(pictures(), schedule) == nil)
    let weights = try #require(weighting(1).tokenWeights(pictures(), schedule))
    #expect(weights.shape == [2, 21])
    for range in schedule.ranges {
      let scale = weights.narrowed(1, from: range.lowerBound, count: range.count)
      #expect((scale.mean([1]) - 1).abs().max().item < 1e-5)
    }
    let last = weights.selected(0, 0).floats.suffix(16)
    for (index, weight) in last.enumerated() { #expect((weight > 1) == (index % 4 >= 2)) }
  }

  /// The gradient of the L1 term at a pixel is the weight there, as a share of the mean.
  @Test func theGradientIsWeighted() throws {
    var settings = PictureLossSettings()
    (settings.l1, settings.teacher) = (1, 1)
    func gradient(_ weighting: TextureWeighting) throws -> Tensor {
      settings.texture = weighting
      let prediction = (pictures() + 0.1).detached().cloned()
      prediction.requiresGradient = true
      let loss = try PictureLoss(settings, gridPeriods: [4, 8], seed: 1, on: .cpu)
      try loss(
        prediction, pictures(), teacher: nil, step: 1, random: UpdateRandom(seed: 1, step: 1)
      ).loss.backward()
      return prediction.gradient!
    }
    let plain = try gradient(TextureWeighting())
    let weighted = try gradient(weighting(1))
    let expected = plain * weighting(1).pixelWeights(pictures())
    #expect((weighted - expected).abs().max().item < 1e-8)
    #expect((weighted - plain).abs().max().item > 0.1 * plain.abs().max().item)
  }

  @Test func theTransformersLossIsWeighted() throws {
    let model = try TinyTile.model(in: scratch)
    let batch = TrainingBatch(
      highQuality: pictures(), lowQuality: pictures().resized(16, 16, .area), seeds: [1, 2])
    func stage(_ texture: String) throws -> any TrainingStage {
      try TinyTile.stage("stage2", "loss: {texture: \(texture)}", from: model)
    }
    let losses = try ["{}", "{exponent: 0, floor: 5}", "{exponent: 1}", "{exponent: -1}"].map {
      try TinyTile.evaluation(stage($0), batch).loss.item
    }
    #expect(losses[0] == losses[1] && Set(losses.dropFirst()).count == 3)
    // Validation is not weighted, so that runs can be compared.
    let figures = try ["{}", "{exponent: 1}"].map { texture in
      try withoutGradients { try stage(texture).validate(batch)["loss"] }
    }
    #expect(figures[0] == figures[1])
    for (texture, problem) in [
      ("{exponent: 9}", "r.yaml: 'loss.texture.exponent' is 9; "),
      ("{floor: 0}", "r.yaml: 'loss.texture.floor' is 0; "),
      ("{strength: 1}", "r.yaml: "),
    ] {
      #expect(message { try stage(texture) }.hasPrefix(problem), "\(texture)")
    }
  }
}
