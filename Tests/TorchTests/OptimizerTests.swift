import Testing

@testable import Torch

@Suite struct OptimizerTests {
  /// One step from zero moments moves each weight by the learning rate against the gradient's sign.
  @Test func firstStepHasTheLearningRate() throws {
    let store = ParameterStore(seed: 1)
    let p = try store.root("w", [3], .vector, .constant(1))
    store.prepareForTraining()
    var configuration = AdamW.Configuration()
    configuration.weightDecay = 0
    let adam = AdamW(store.parameters, configuration)
    try (p.value * Tensor([1, -2, 3] as [Float])).sum().backward()
    let norm = adam.step(learningRate: 0.1)
    #expect(abs(norm - 14.0.squareRoot()) < 1e-5)
    for (value, expected) in zip(p.value.floats, [0.9, 1.1, 0.9] as [Float]) {
      #expect(abs(value - expected) < 1e-5)
    }
    #expect(p.value.gradient == nil)
  }

  @Test func nonFiniteGradientsChangeNothing() throws {
    let store = ParameterStore(seed: 1)
    let p = try store.root("w", [2], .vector, .constant(1))
    store.prepareForTraining()
    let adam = AdamW(store.parameters)
    try (p.value * Double.infinity).sum().backward()
    #expect(!adam.step(learningRate: 0.1).isFinite)
    #expect(p.value.floats == [1, 1])
  }

  @Test func averagesFollowAndAreSwapped() throws {
    let store = ParameterStore(seed: 1)
    let p = try store.root("w", [1], .vector, .constant(0))
    let ema = ExponentialMovingAverage(store.parameters, decay: 0.5)
    p.value = Tensor([1] as [Float])
    for step in 10...14 { ema.update(step: step) }
    ema.withAverages { #expect(abs(p.value.item - (1 - 1.0 / 32)) < 1e-6) }
    #expect(p.value.item == 1)
  }
}
