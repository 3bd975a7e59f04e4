import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// The gradient of an update does not depend on the batches and processes that share its samples.
@Suite(.ownThreads) struct SpreadTests {
  private let scratch = try! TemporaryFolder()

  @Test(arguments: [
    ("tokenizer", "{quantization: 0, code_dropout: 0.5, flips: 0.3}"),
    ("transformer", "{self_correction: {drawn_per: sample}}"),
    ("transformer", "{self_correction: {drawn_per: batch}, drop_path: 0.5}"),
    ("stage1", "{labels: original}"),
    ("stage2", "{texture: {exponent: 1}, preference: {weight: 1, pairs: ranked}}"),
    ("distillation", "{temperature: 0.5}"),
    ("decoder", "{code: predicted, window: 32, windows: 2}"),
  ])
  func halvesGiveTheGradientOfTheWhole(_ name: String, _ loss: String) throws {
    let stage = try TinyTile.stage(name, "loss: " + loss, from: TinyTile.model(in: scratch))
    let whole = try TinyTile.gradients(stage)
    let halves = try TinyTile.gradients(stage, [0..<2, 2..<4])
    #expect(whole.count == halves.count && !whole.isEmpty)
    let largest = whole.map { $0.abs().max().item }.max()!
    for (a, b) in zip(whole, halves) {
      #expect((a - b).abs().max().item < 1e-4 * largest)
    }
    // Other samples give another gradient, so that the comparison can fail.
    let half = try TinyTile.gradients(stage, [0..<2])
    #expect(zip(whole, half).contains { ($0.0 - $0.1).abs().max().item > 1e-2 * largest })
  }

  @Test func numbersDependOnPurposeUpdateAndSample() {
    let random = UpdateRandom(seed: 1, step: 1)
    let draws = random.uniform([5], .flips, samples: [7, 8, 7])
    let rows = (0..<3).map { draws.selected(0, $0).floats }
    #expect(rows[0] == rows[2] && rows[0] != rows[1])
    #expect(draws.shape == [3, 5] && rows.joined().allSatisfy { (0..<1).contains($0) })
    let others = [
      random.uniform([5], .noise, samples: [7]), random.uniform([5], .flips, 1, samples: [7]),
      UpdateRandom(seed: 1, step: 2).uniform([5], .flips, samples: [7]),
      UpdateRandom(seed: 2, step: 1).uniform([5], .flips, samples: [7]),
      random.uniform([1, 5], .flips),
    ]
    #expect(Set(others.map(\.floats)).count == 5 && !others.map(\.floats).contains(rows[0]))
    #expect(random.uniform([5], .flips).floats == random.uniform([5], .flips).floats)
  }

  /// A batch's samples share the probability of a flip, and not the flipped bits.
  @Test func flipsDrawnPerBatchShareTheirProbability() {
    var correction = BitwiseSelfCorrection(maximum: 0.5, step: 0.1)
    func rates(_ step: Int, _ scale: Int) -> [Float] {
      let flips = correction.flips(
        [6, 8, 32, 32], scale: scale, (1...6).map(UInt64.init),
        UpdateRandom(seed: 1, step: step), on: .cpu)
      let bits = flips.to(.float32)
      let isEqual = (bits.selected(0, 0) - bits.selected(0, 1)).abs().max().item == 0
      if correction.drawnPer == .batch { #expect(!isEqual || bits.max().item == 0) }
      return bits.mean([1, 2, 3]).floats.map { ($0 * 10).rounded() / 10 }
    }
    #expect(Set(rates(1, 0)).count > 1)
    correction.drawnPer = .batch
    let all = (1...20).map { rates($0, $0 % 3) }
    #expect(all.allSatisfy { Set($0).count == 1 })
    #expect(Set(all.map { $0[0] }).count >= 4)
  }

  /// Two processes' gradients of the entropy H(E[p]), with the mean over both, average to the
  /// gradient of all samples in one.
  @Test func theCodebooksEntropyIsThatOfAllSamples() throws {
    let u = Tensor.randn([4, 6, 3, 3], using: RandomGenerator(seed: 2)) * 0.02
    u.requiresGradient = true
    func means(_ x: Tensor) -> Tensor {
      var result: Tensor?
      _ = BinarySphericalQuantization.entropies(x.detached()) { local in
        result = local
        return local
      }
      return result!
    }
    let parts = [0, 2].map { u.narrowed(0, from: $0, count: 2) }
    let mean = (means(parts[0]) + means(parts[1])) / 2
    let shared = parts.map { part in
      BinarySphericalQuantization.entropies(part) { mean + ($0 - $0.detached()) }.codebook
    }
    let whole = BinarySphericalQuantization.entropies(u).codebook
    for value in shared { #expect(abs(value.item - whole.item) < 1e-4) }
    let expected = try gradients(of: [whole], with: [u])[0]!
    let got = try gradients(of: [(shared[0] + shared[1]) / 2], with: [u])[0]!
    #expect((got - expected).abs().max().item < 1e-4 * expected.abs().max().item)
    let alone = parts.map { BinarySphericalQuantization.entropies($0).codebook }
    #expect(abs((alone[0] + alone[1]).item / 2 - whole.item) > 1e-3)
  }

  /// The length of a gradient of which another process has a part.
  @Test func joinedGradientsHaveTheLengthOfAllParts() throws {
    let random = RandomGenerator(seed: 2)
    let leaf = Tensor.randn([50], using: random)
    let (a, b) = (Tensor.randn([50], using: random), Tensor.randn([50], using: random))
    leaf.requiresGradient = true
    let picture = leaf * 1
    var lengths = [3.0, 4.0]  // of the loss and of the added one
    let joined = try (picture * a).sum().joined(
      by: (picture * b).sum(), weight: 0.25, at: picture
    ) { part in
      (part.norm().square() + lengths.removeFirst()).sqrt()
    }
    try joined.backward()
    let ratio =
      (a.norm().square().item + 3).squareRoot() / (b.norm().square().item + 4).squareRoot()
    #expect((leaf.gradient! - a - b * (0.25 * ratio)).abs().max().item < 1e-5)
  }
}
