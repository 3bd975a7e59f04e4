import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

@Suite struct GenerationTests {
  let random = RandomGenerator(seed: 1)
  /// Changing what a scale reads leaves the logits of earlier scales as they were.
  @Test(arguments: SmallModel.Kind.allCases) func blockCausal(kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind)
    let length = model.schedule.tokenCount - 1
    let contexts = Tensor.randn([model.batch, length, model.transformer.tokenBits], using: random)
    let before = model.logits(contexts)
    for k in 1..<model.schedule.count {
      let range = model.schedule.ranges[k]
      let changed = contexts.cloned()
      // One token of scale k; the first token of the sequence has no context.
      let token = changed.narrowed(1, from: range.upperBound - 2, count: 1)
      token.copyInPlace(Tensor.randn([1, 1, 1], using: random))
      let after = model.logits(changed)
      for j in 0..<k { #expect(distance(before[j], after[j]) < 1e-5) }
      for j in k..<model.schedule.count { #expect(distance(before[j], after[j]) > 1e-3) }
    }
  }

  /// Logits with a cache, scale by scale, are those of teacher forcing on the bits that came out.
  @Test(arguments: SmallModel.Kind.allCases) func cacheEqualsTeacherForcing(kind: SmallModel.Kind)
    throws
  {
    for patch in [1, 2] {
      let model = try SmallModel(kind, patch: patch)
      var options = GenerationOptions()
      options.sampling.temperature = 1
      options.seed = 3
      for resize in [Tensor.Interpolation.area, .bilinear] {
        options.contextResize = resize
        let (result, logits) = try run(model, options)
        let forced = model.forcedLogits(result.bits, resize)
        for k in 0..<model.schedule.count { #expect(distance(logits[k], forced[k]) < 1e-4) }
        // Bits of either value came out, and they add up to the latent.
        let share = result.bits[3].to(.float32).mean().item
        #expect(share > 0.1 && share < 0.9)
        let quantizer = MultiScaleQuantizer(model.schedule)
        let sum = result.bits.reduce(nil as Tensor?) { quantizer.accumulate($0, bits: $1) }
        #expect(distance(sum!, result.latent) < 1e-6)
      }
    }
  }

  /// All forced scales in one pass give what running them one at a time gives.
  @Test(arguments: SmallModel.Kind.allCases) func onePassPrefix(kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind)
    var options = GenerationOptions()
    options.sampling.temperature = 1
    let (free, freeLogits) = try run(model, options)
    for count in 1...model.schedule.count {
      options.prefix = free.bits.prefix(count).map { $0.to(.float32) - 0.5 }
      let (forced, logits) = try run(model, options)
      #expect(logits.count == model.schedule.count)
      for k in 0..<model.schedule.count {
        #expect(distance(logits[k], freeLogits[k]) < 1e-4)
        #expect(forced.bits[k].values(Bool.self) == free.bits[k].values(Bool.self))
      }
      #expect(distance(forced.latent, free.latent) < 1e-6)
      // The same without looking at logits, which then are not computed.
      let blind = try model.generator(model.condition, options)
      #expect(distance(blind.latent, free.latent) < 1e-6)
    }
  }

  @Test(arguments: SmallModel.Kind.allCases) func guidance(kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind)
    var options = GenerationOptions()
    options.sampling.topK = 1
    options.sampling.temperature = 0.5
    options.sampling.guidance = 0
    let (_, null) = try run(model, options)
    options.sampling.guidance = 1
    let (_, conditional) = try run(model, options)
    options.sampling.guidance = 3
    let (_, guided) = try run(model, options)
    #expect(distance(guided[0], conditional[0] * 3 - null[0] * 2) < 1e-3)
    #expect(distance(guided[0], conditional[0]) > 1e-2)
    // The logits shown are divided by τ; the first token reads no bits.
    let zeros = model.schedule.latents.map { Tensor.zeros([2, 6, $0.height, $0.width]) }
    let first = model.forcedLogits(zeros.map { $0.to(.bool) }, .area)[0]
    #expect(distance(conditional[0] * 0.5, first) < 1e-4)
  }

  @Test(arguments: SmallModel.Kind.allCases) func guidanceOfScales(kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind)
    let count = model.schedule.count
    var options = GenerationOptions()
    options.sampling.topK = 1
    options.sampling.guidance = 3
    let (_, all) = try run(model, options)
    options.sampling.guidance = Guidance([Double](repeating: 3, count: count))
    let (_, listed) = try run(model, options)
    for k in 0..<count { #expect(distance(all[k], listed[k]) < 1e-6) }
    options.sampling.guidance = 1
    let (_, plain) = try run(model, options)
    options.sampling.guidance = Guidance([1] + [Double](repeating: 3, count: count - 1))
    let (_, later) = try run(model, options)
    #expect(distance(later[0], plain[0]) < 1e-6 && distance(later[0], all[0]) > 1e-2)
  }

  /// Guidance on a block's output is what mixing by hand gives, and, all scales in one pass, what
  /// they give one after the other.
  @Test(arguments: SmallModel.Kind.allCases) func guidanceOfBlocks(kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind)
    let transformer = model.transformer
    let depth = transformer.blocks.count
    var options = GenerationOptions()
    options.sampling.guidance = Guidance([1, 3, 1, 2] + [Double](repeating: 3, count: 60))
    for layer in 1 - depth...(-1) {
      options.sampling.guidanceLayer = layer
      let (free, freeLogits) = try run(model, options)
      options.prefix = free.bits.map { $0.to(.float32) - 0.5 }
      let (_, forced) = try run(model, options)
      options.prefix = []
      for k in 0..<model.schedule.count { #expect(distance(forced[k], freeLogits[k]) < 1e-4) }
    }
    options.sampling.guidance = 3
    options.sampling.guidanceLayer = -1
    options.sampling.temperature = 1
    let (_, guided) = try run(model, options)
    let hidden = [model.condition, model.unconditional].map { condition in
      transformer.hidden(
        transformer.startTokens(condition), condition,
        AttentionContext(
          rotaryCosSin: model.generator.rotary.cosSin(0..<1), scales: [1], cache: nil))
    }
    let mixed = transformer.logits(hidden[0] * 3 - hidden[1] * 2, model.condition)
    #expect(distance(guided[0], mixed) < 1e-4)
  }

  /// Stopping after some scales leaves the same bits; an error from progress ends the generation.
  @Test func partialAndCancelled() throws {
    let model = try SmallModel(.picture)
    let options = GenerationOptions()
    let whole = try model.generator(model.condition, options)
    let part = try model.generator(model.condition, scaleCount: 2, options)
    #expect(part.bits.count == 2)
    #expect(part.bits[1].values(Bool.self) == whole.bits[1].values(Bool.self))
    struct Cancelled: Error {}
    var (stopped, seen) = (options, [Int]())
    stopped.progress = { k in
      seen.append(k)
      if k == 2 { throw Cancelled() }
    }
    #expect(throws: Cancelled.self) { try model.generator(model.condition, stopped) }
    #expect(seen == [0, 1, 2])
  }

  private func run(
    _ model: SmallModel, _ options: GenerationOptions
  ) throws -> (Generator.Result, [Tensor]) {
    var (options, logits) = (options, [Tensor]())
    options.inspectLogits = { _, scale in logits.append(scale) }
    let result = try model.generator(
      model.condition, unconditional: model.unconditional, options)
    return (result, logits)
  }
}
