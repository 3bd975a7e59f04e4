import Testing
import Torch

@testable import ImageQuality

@Suite struct FlatGrainTests {
  /// Left half flat with faint noise, right half a strong texture.
  private func picture(noise: Double, seed: UInt64 = 1) -> Tensor {
    let random = RandomGenerator(seed: seed)
    let flat = Tensor.full([1, 64, 64], 0.5) + Tensor.randn([1, 64, 64], using: random) * noise
    let texture = Tensor.rand([1, 64, 64], using: random)
    return Tensor.concatenated([flat, texture], 2).expanded([3, 64, 128])
  }

  /// White noise of deviation σ keeps √(1 − 1/25) of it beside its 5x5 mean.
  @Test(arguments: [0.5, 2, 6]) func noiseOfFlatPlaces(_ levels: Double) throws {
    let original = picture(noise: 0.3 / 219)
    let restored = Tensor.concatenated(
      [
        picture(noise: levels / 219, seed: 2).narrowed(2, from: 0, count: 64),
        picture(noise: 0, seed: 3).narrowed(2, from: 64, count: 64),
      ], 2)
    let grain = try #require(FlatGrain.levels(restored, original: original))
    #expect(abs(grain - levels * 0.98) < 0.06 * levels)
    let own = try #require(FlatGrain.levels(original, original: original))
    #expect(abs(own - 0.3 * 0.98) < 0.03)
  }

  /// Noise of an enlarged picture is coarse: the fine figure hardly sees it.
  @Test func coarseNoise() throws {
    let random = RandomGenerator(seed: 4)
    let noise = Tensor.randn([1, 3, 32, 32], using: random) * (4 / 255.0)
    let enlarged = noise.resized(128, 128, .bicubic).selected(0, 0)
    let original = Tensor.full([3, 128, 128], 0.5)
    let coarse = try #require(FlatGrain.levels(original + enlarged, original: original, .coarse))
    let fine = try #require(FlatGrain.levels(original + enlarged, original: original))
    #expect(coarse > 1.2 && fine < 0.6 * coarse)
  }

  @Test func nothingFlat() {
    let texture = Tensor.rand([3, 64, 64], using: RandomGenerator(seed: 1))
    #expect(FlatGrain.levels(texture, original: texture) == nil)
  }
}
