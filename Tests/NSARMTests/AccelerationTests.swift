import ModelTestSupport
import Settings
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

@Suite struct AccelerationTests {
  private let random = RandomGenerator(seed: 4)

  private func options(_ model: SmallModel, prefix count: Int) throws -> GenerationOptions {
    var options = GenerationOptions()
    options.sampling.temperature = 1
    options.seed = 5
    let free = try model.generator(model.condition, options)
    options.prefix = free.bits.prefix(count).map { $0.to(.float32) - 0.5 }
    return options
  }

  /// Leaving out no token, or keeping all of them in order, changes nothing; leaving some out
  /// leaves the scales before as they were.
  @Test(arguments: SmallModel.Kind.allCases) func pruning(kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind)
    var options = try options(model, prefix: 1)
    let whole = try model.generator(model.condition, options)
    options.acceleration.pruning = [0]
    let none = try model.generator(model.condition, options)
    #expect(distance(none.latent, whole.latent) == 0)
    options.acceleration.pruning = [0.5]
    let pruned = try model.generator(model.condition, options)
    let last = model.schedule.count - 1
    for k in 0..<last {
      #expect(pruned.bits[k].values(Bool.self) == whole.bits[k].values(Bool.self))
    }
    #expect(pruned.bits[last].shape == whole.bits[last].shape)
    #expect(pruned.bits[last].values(Bool.self) != whole.bits[last].values(Bool.self))
  }

  /// Tokens that are computed stay where they belong, the others come from the scale before.
  @Test func tokensAreRestoredInPlace() throws {
    let context = Tensor.randn([2, 12, 6], using: random)
    let selection = try #require(TokenSelection(context, leavingOut: 0.5))
    let hidden = Tensor.randn([2, 12, 4], using: random)
    let earlier = Tensor.full([2, 4, 4], 7)
    let restored = selection.restored(
      selection(hidden), (earlier, GridSize(2, 2)), size: GridSize(3, 4))
    for sample in 0..<2 {
      let kept: [Int64] = selection.indices.selected(0, sample).values()
      #expect(kept.count == 6 && kept == kept.sorted() && Set(kept).count == 6)
      for token in 0..<12 {
        let found = restored.selected(0, sample).selected(0, token)
        if kept.contains(Int64(token)) {
          #expect(found.floats == hidden.selected(0, sample).selected(0, token).floats)
        } else {
          #expect((found - 7).abs().max().item < 1e-5)
        }
      }
      // The tokens that are farthest from the mean are kept.
      let tokens = context.selected(0, sample)
      let deviation = (tokens - tokens.mean([0], keep: true)).square().sum([1]).floats
      let least = kept.map { deviation[Int($0)] }.min()!
      let others = (0..<12).filter { !kept.contains(Int64($0)) }.map { deviation[$0] }
      #expect(others.allSatisfy { $0 <= least })
    }
    #expect(TokenSelection(context, leavingOut: 0) == nil)
    #expect(TokenSelection(context.narrowed(1, from: 0, count: 1), leavingOut: 0.9) == nil)
  }

  /// In one pass every scale reads the prefix: the logits are those of teacher forcing on its sum.
  @Test(arguments: SmallModel.Kind.allCases) func onePass(kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind)
    var options = try options(model, prefix: 2)
    options.acceleration.onePass = true
    var logits: [Tensor] = []
    options.inspectLogits = { _, scale in logits.append(scale) }
    let result = try model.generator(model.condition, options)
    #expect(logits.count == model.schedule.count && result.bits.count == model.schedule.count)

    let quantizer = MultiScaleQuantizer(model.schedule)
    var sum: Tensor?
    var contexts: [Tensor] = []
    for k in 1..<model.schedule.count {
      if k <= 2 { sum = quantizer.accumulate(sum, bits: result.bits[k - 1]) }
      contexts.append(
        model.schedule.tokens(quantizer.context(sum!, scale: k, options.contextResize)))
    }
    let expected = model.logits(.concatenated(contexts, 1))
    for k in 0..<model.schedule.count { #expect(distance(logits[k], expected[k]) < 1e-4) }
  }

  @Test func picturesWithShortcuts() throws {
    let model = try TinyModel.make()
    let resolver = try SuperResolver(model)
    let picture = testPicture(20, 24)
    var options = SuperResolver.Options()
    let whole = try resolver.upscaled(picture, options)
    var shortcuts = [Acceleration(), Acceleration(), Acceleration(), Acceleration()]
    shortcuts[0].scales = 3
    shortcuts[1].pruning = [0.3, 0.6]
    shortcuts[2].onePass = true
    shortcuts[3].scales = 1  // of the prefix: the transformer is not run
    for shortcut in shortcuts {
      options.acceleration = shortcut
      let found = try resolver.upscaled(picture, options)
      #expect(found.shape == whole.shape && found.isFinite().allTrue)
      #expect(distance(found, whole) > 1e-4)
      // Tiles do not depend on what goes through the transformer with them.
      options.batch = 1
      #expect(distance(try resolver.upscaled(picture, options), found) < 1e-5)
      options.batch = 16
    }
  }

  /// Without scales the decoder makes the picture alone, as it does of a code of zeros; what the
  /// model recommends can be overridden.
  @Test func picturesOfTheDecoderAlone() throws {
    let model = try TinyModel.make()
    let picture = testPicture(32, 32)  // a tile
    var options = SuperResolver.Options()
    let whole = try SuperResolver(model).upscaled(picture, options)
    options.acceleration.scales = 0
    let found = try SuperResolver(model).upscaled(picture, options)
    let alone = model.decoder(nil, lowQuality: picture.unsqueezed(0)).selected(0, 0)
    #expect(distance(found, alone.clamped(min: -1, max: 1)) < 1e-5)
    #expect(distance(found, whole) > 1e-4)
    #expect(
      try SuperResolver(model).operationCount(width: 32, height: 32, options).transformer == 0)

    var configuration = TinyModel.configuration
    configuration.scales = 0
    let careful = try TinyModel.make(configuration)
    options.acceleration.scales = nil
    #expect(distance(try SuperResolver(careful).upscaled(picture, options), found) == 0)
    options.acceleration.scales = model.configuration.schedule.count
    #expect(distance(try SuperResolver(careful).upscaled(picture, options), whole) == 0)

    configuration = TinyModel.configuration
    configuration.tokenizer.trunk = nil
    let mirror = try TinyModel.make(configuration)
    options.acceleration.scales = 0
    #expect(throws: ConfigurationError.self) {
      try SuperResolver(mirror).upscaled(picture, options)
    }
  }

  @Test func valuesThatMakeNoSense() throws {
    func refusal(_ change: (inout Acceleration) -> Void, forced: Int = 2) -> String {
      var acceleration = Acceleration()
      change(&acceleration)
      do { try acceleration.validate(scales: 5, forced: forced) } catch { return "\(error)" }
      return ""
    }
    #expect(refusal { $0.scales = 0 }.contains("scales"))
    #expect(refusal { $0.scales = 6 }.contains("scales"))
    #expect(refusal { $0.pruning = [0.1, 0.1, 0.1, 0.1] }.contains("pruning"))
    #expect(refusal { $0.pruning = [1] }.contains("pruning"))
    #expect(refusal({ $0.onePass = true }, forced: 0).contains("onePass"))
    #expect(
      refusal {
        $0.onePass = true; $0.pruning = [0.5]
      }.contains("onePass"))
    #expect(
      refusal {
        $0.scales = 5; $0.pruning = [0.5, 0.9, 0.1]
      } == "")
  }
}
