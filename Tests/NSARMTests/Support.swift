import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

/// Compares an analytic gradient with central differences in float64.
///
/// - Parameter loss: a scalar function of x, float64.
func expectGradient(
  of loss: (Tensor) -> Tensor, at x: Tensor, step: Double = 1e-6, tolerance: Double = 1e-5,
  location: SourceLocation = #_sourceLocation
) throws {
  let x = x.to(.float64).detached().cloned()
  x.requiresGradient = true
  let analytic = try gradients(of: [loss(x)], with: [x])[0]!.values(Double.self)
  expectDifferences(
    of: loss, at: x.detached(), equal: analytic, step: step, tolerance: tolerance,
    location: location)
}

/// Compares numbers with central differences of `loss`, relative to the largest of them.
func expectDifferences(
  of loss: (Tensor) -> Tensor, at x: Tensor, equal analytic: [Double], step: Double = 1e-6,
  tolerance: Double = 1e-5, location: SourceLocation = #_sourceLocation
) {
  var values = x.values(Double.self)
  let unit = analytic.map(abs).max() ?? 1
  var largest = 0.0
  for index in values.indices {
    let value = values[index]
    values[index] = value + step
    let above = loss(Tensor(values, shape: x.shape)).item
    values[index] = value - step
    let below = loss(Tensor(values, shape: x.shape)).item
    values[index] = value
    largest = max(largest, abs((above - below) / (2 * step) - analytic[index]))
  }
  #expect(largest <= tolerance * unit, "error \(largest) of \(unit)", sourceLocation: location)
}

/// max |a − b|, infinite where the shapes differ.
func distance(_ a: Tensor, _ b: Tensor) -> Double {
  guard a.shape == b.shape else { return .infinity }
  return (a.to(.float64) - b.to(.float64)).abs().max().item
}

/// A little model of either kind with random weights, whose head is loud enough for bits to differ.
struct SmallModel {
  let transformer: VisualAutoregressiveTransformer
  let schedule: ScaleSchedule
  let reference = GridSize(8, 12)
  let condition: Condition
  let unconditional: Condition
  let batch: Int

  enum Kind: CaseIterable, Sendable { case text, picture }

  init(_ kind: Kind, batch: Int = 2, patch: Int = 2) throws {
    self.batch = batch
    schedule = ScaleSchedule(
      [GridSize(1, 1), GridSize(2, 2), GridSize(2, 3), GridSize(4, 6)], patch: patch)
    var c = TransformerConfiguration()
    c.width = 64
    c.depth = 3
    c.heads = 2
    c.levels = 6
    switch kind {
    case .text:
      var text = TextConfiguration()
      text.channels = 256
      text.maximumLength = 8
      c.text = text
    case .picture:
      c.picture = PictureConditionConfiguration(channels: 16, blocks: 1, patch: 4)
    }
    let (store, random) = (ParameterStore(seed: 7), RandomGenerator(seed: 8))
    transformer = try VisualAutoregressiveTransformer(c, tokenBits: 6 * patch * patch, store.root)
    for parameter in store.parameters {
      let isGain = parameter.name.hasSuffix("norm.weight") || parameter.name.contains("scale_mul")
      if isGain { continue }
      let gain = parameter.name.hasPrefix("head") || parameter.name.contains("ada") ? 10.0 : 1
      parameter.value =
        parameter.value * gain + Tensor.randn(parameter.value.shape, using: random) * 0.05
    }
    switch kind {
    case .text:
      let lengths = (0..<batch).map { 5 - $0 % 3 }
      let mask = lengths.flatMap { length in (0..<5).map { $0 < length } }
      condition = transformer.condition(
        text: (Tensor.randn([batch, 5, 256], using: random), Tensor(mask, shape: [batch, 5])))
      let null = transformer.unconditionalText(length: 5)!
      unconditional = transformer.condition(text: (null.expanded([batch, 5, 256]), nil))
    case .picture:
      condition = transformer.condition(
        lowQuality: Tensor.rand([batch, 3, 16, 24], using: random) * 2 - 1)
      unconditional = transformer.condition(lowQuality: Tensor.zeros([batch, 3, 16, 24]))
    }
  }

  var generator: Generator { Generator(transformer, schedule, reference: reference) }

  /// Logits of teacher forcing on given bits, per scale.
  func forcedLogits(_ bits: [Tensor], _ resize: Tensor.Interpolation) -> [Tensor] {
    let quantizer = MultiScaleQuantizer(schedule)
    var (sum, contexts): (Tensor?, [Tensor]) = (nil, [])
    for k in 0..<schedule.count - 1 {
      sum = quantizer.accumulate(sum, bits: bits[k])
      contexts.append(schedule.tokens(quantizer.context(sum!, scale: k + 1, resize)))
    }
    return logits(.concatenated(contexts, 1))
  }

  /// Logits of teacher forcing on given contexts, per scale.
  func logits(_ contexts: Tensor) -> [Tensor] {
    transformer(contexts, schedule, generator.rotary, condition)
      .split(schedule.tokens.map(\.count), 1)
  }
}
