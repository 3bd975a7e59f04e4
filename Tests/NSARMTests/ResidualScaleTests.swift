import Testing
import Torch

@testable import NSARM

/// Factors of the blocks' branches, by which training drops them.
@Suite struct ResidualScaleTests {
  private let model = try! SmallModel(.picture)
  private var contexts: Tensor {
    Tensor.randn(
      [model.batch, model.schedule.tokenCount - 1, model.transformer.tokenBits],
      using: RandomGenerator(seed: 1))
  }

  /// The logits with the factors of each block's two branches for each sample.
  private func logits(
    _ contexts: Tensor, _ factors: (_ block: Int, _ branch: Int, _ sample: Int) -> Float
  ) -> Tensor {
    let scales = (0..<model.transformer.configuration.depth).map { block in
      Tensor(
        (0..<2).flatMap { branch in (0..<model.batch).map { factors(block, branch, $0) } },
        shape: [2, model.batch, 1, 1])
    }
    return model.transformer(
      contexts, model.schedule, model.generator.rotary, model.condition, residualScales: scales)
  }

  @Test func onesChangeNothing() {
    let plain = Tensor.concatenated(model.logits(contexts), 1)
    #expect(distance(logits(contexts) { _, _, _ in 1 }, plain) == 0)
    #expect(distance(logits(contexts) { block, _, _ in block == 1 ? 2 : 1 }, plain) > 1e-3)
  }

  /// Without attention, a token's logits depend on nothing but itself.
  @Test func aDroppedBranchDoesNothing() {
    let changed = contexts.cloned()
    changed.narrowed(1, from: 0, count: 1).copyInPlace(Tensor.ones([1, 1, 1]))
    func change(_ factor: Float) -> Tensor {
      let without = { (_: Int, branch: Int, _: Int) -> Float in branch == 0 ? factor : 1 }
      return (logits(contexts, without) - logits(changed, without)).abs().max([0, 2])
    }
    let (mixed, alone) = (change(1).floats, change(0).floats)
    #expect(alone[1] > 0 && mixed[1] > 0)
    #expect(alone.enumerated().allSatisfy { $0.offset == 1 || $0.element == 0 })
    #expect(mixed.dropFirst().allSatisfy { $0 > 0 })
  }

  /// A sample's factors change that sample alone.
  @Test func factorsAreOfOneSample() {
    let plain = logits(contexts) { _, _, _ in 1 }
    let dropped = logits(contexts) { _, _, sample in sample == 1 ? 0 : 1 }
    #expect(distance(plain.selected(0, 0), dropped.selected(0, 0)) < 1e-5)
    #expect(distance(plain.selected(0, 1), dropped.selected(0, 1)) > 1e-3)
  }
}
