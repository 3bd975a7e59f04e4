import Testing

@testable import NSARM
@testable import Torch

@Suite struct QuantizerTests {
  let random = RandomGenerator(seed: 1)
  let schedule = ScaleSchedule(
    [GridSize(1, 1), GridSize(2, 2), GridSize(3, 2), GridSize(6, 4)], patch: 2)
  var latent: Tensor { Tensor.randn([2, 14, 12, 8], using: random) }

  @Test func codesHaveUnitLength() {
    let codes = BinarySphericalQuantization.codes(latent .> 0)
    #expect(distance(codes.square().sum([1]), .ones([2, 12, 8])) < 1e-6)
  }

  /// The value is the code, the gradient that of z / ‖z‖.
  @Test func straightThrough() throws {
    let z = Tensor.randn([2, 5, 3], using: random).to(.float64)
    let weights = Tensor.randn([2, 5, 3], using: random).to(.float64)
    z.requiresGradient = true
    let quantized = BinarySphericalQuantization.quantized(z)
    #expect(distance(quantized, BinarySphericalQuantization.codes(z .> 0)) < 1e-7)
    let gradient = try gradients(of: [(quantized * weights).sum()], with: [z])[0]!
    expectDifferences(
      of: { ($0.l2Normalized(1) * weights).sum() }, at: z.detached(),
      equal: gradient.values(Double.self))
  }

  @Test func penalties() throws {
    // Small vectors: the soft probabilities are far from 0 and 1.
    let u = Tensor.randn([3, 4, 2, 2], using: random) * 0.01
    try expectGradient(of: { BinarySphericalQuantization.entropies($0).perSample }, at: u)
    try expectGradient(of: { BinarySphericalQuantization.entropies($0).codebook }, at: u)
    let z = Tensor.randn([3, 4, 2, 2], using: random)
    try expectGradient(of: { BinarySphericalQuantization.penalties($0).commitment }, at: z)
    try expectGradient(of: { BinarySphericalQuantization.penalties($0).total() }, at: z)
  }

  /// A bit that never changes has a mean probability of 0 or 1 in float32: gradients stay finite.
  @Test func penaltiesOfConstantBits() throws {
    let z = Tensor.ones([1, 14, 4, 4])
    z.requiresGradient = true
    let penalties = BinarySphericalQuantization.penalties(z)
    #expect(abs(penalties.perSampleEntropy.item) < 1e-4)
    #expect(abs(penalties.codebookEntropy.item) < 1e-4)
    let gradient = try gradients(of: [penalties.total()], with: [z])[0]!
    #expect(gradient.floats.allSatisfy { $0.isFinite })
  }

  /// Bits alone give the same sums as encoding did.
  @Test func roundTrip() {
    let quantizer = MultiScaleQuantizer(schedule)
    let pyramid = quantizer.encode(latent)
    #expect(pyramid.bits.map(\.shape) == schedule.latents.map { [2, 14, $0.height, $0.width] })
    var sum: Tensor?
    for k in 0..<schedule.count {
      sum = quantizer.accumulate(sum, bits: pyramid.bits[k])
      #expect(distance(sum!, pyramid.sums[k]) < 1e-6)
    }
    #expect(distance(pyramid.latent, pyramid.sums[3]) == 0)
    // The codes' sum is a latent whose residual at every scale is smaller than the latent itself.
    let again = quantizer.encode(pyramid.latent)
    #expect(
      (pyramid.latent - again.latent).square().mean().item < pyramid.latent.square().mean().item)
  }

  /// The first scales' residuals are given: they decide bits and sums, and later labels correct
  /// them.
  @Test func givenResiduals() {
    let (features, given) = (latent, Tensor.randn([2, 14, 2, 2], using: random))
    var intervention = MultiScaleQuantizer.Intervention()
    intervention.givenResiduals = [given]
    let quantizer = MultiScaleQuantizer(schedule)
    let pyramid = quantizer.encode(features, intervention)
    #expect(pyramid.bits[0].values(Bool.self) == (given .> 0).values(Bool.self))
    let residual = (features - pyramid.sums[0]).resized(4, 4, .area)
    #expect(distance(pyramid.residuals[1], residual) < 1e-6)
  }

  /// Flips change the sums by two codes and leave the labels of their scale alone.
  @Test func flips() {
    let features = latent
    let quantizer = MultiScaleQuantizer(schedule)
    let clean = quantizer.encode(features)
    var intervention = MultiScaleQuantizer.Intervention()
    intervention.flips = { k, shape in k == 1 ? Tensor.ones(shape).to(.bool) : nil }
    let flipped = quantizer.encode(features, intervention)
    for k in 0...1 {
      #expect(flipped.bits[k].values(Bool.self) == clean.bits[k].values(Bool.self))
    }
    let codes = BinarySphericalQuantization.codes(clean.bits[1]).resized(12, 8, .bilinear)
    #expect(distance(flipped.sums[1], clean.sums[1] - codes * 2) < 1e-6)
    #expect(distance(flipped.residuals[2], clean.residuals[2]) > 0.1)
  }

  @Test func flipProbabilities() {
    let correction = BitwiseSelfCorrection(maximum: 0.3, step: 0.1)
    let bits = Tensor.rand([400, 14, 16, 16], using: random)
    func rates(_ samples: Int) -> [Float] {
      let draws = Tensor.rand([samples, 1, 1, 1], using: random)
      return correction.flips(rates: draws, bits: bits).to(.float32).mean([1, 2, 3]).floats
    }
    let rates = rates(400)
    // Each sample has one of 0, 0.1, 0.2, 0.3, all about equally often.
    var counts = [0, 0, 0, 0]
    for rate in rates {
      let level = Int((rate * 10).rounded())
      #expect(abs(rate - Float(level) / 10) < 0.04)
      counts[min(level, 3)] += 1
    }
    for count in counts { #expect(abs(count - 100) < 45) }
  }

  /// Against libtorch's cross-entropy over the pairs of logits.
  @Test(arguments: [0, 0.1]) func crossEntropy(smoothing: Double) throws {
    let labels = Tensor.rand([2, 3, 4], using: random) .> 0.5
    let logits = Tensor.randn([2, 3, 8], using: random) * 3
    logits.requiresGradient = true
    let ours = bitCrossEntropy(logits, labels, smoothing: smoothing)
    let pairs = logits.reshaped(-1, 2)
    let reference = aten(
      Operator("cross_entropy_loss"), pairs, labels.to(.int64).reshaped(-1), Tensor?.none, 0, -100,
      smoothing
    ).reshaped(2, 3, 4).mean([-1])
    #expect(distance(ours, reference) < 1e-6)
    let weights = Tensor.randn([2, 3], using: random)
    let gradient = try gradients(of: [(ours * weights).sum()], with: [logits])[0]!
    let expected = try gradients(of: [(reference * weights).sum()], with: [logits])[0]!
    #expect(distance(gradient, expected) < 1e-6)
  }

  @Test func scaleWeighting() {
    let weights = scaleWeights(schedule).floats
    #expect(weights.count == schedule.tokenCount)
    #expect(abs(weights.reduce(0, +) - 1) < 1e-6)
    // √(24 / 1) to √(24 / 24)
    #expect(abs(weights[0] / weights[schedule.tokenCount - 1] - Float(24).squareRoot()) < 1e-5)
    let later = scaleWeights(schedule, from: 2).floats
    #expect(later[..<5].allSatisfy { $0 == 0 })
    #expect(abs(later.reduce(0, +) - 1) < 1e-6)
  }
}
