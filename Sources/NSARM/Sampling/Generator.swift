import Torch

/// Options and callbacks of the generation of a picture's bits.
public struct GenerationOptions {
  /// R'_k of the first scales, `[B, d, h_k, w_k]`: their bits are forced, not sampled.
  public var prefix: [Tensor] = []
  public var sampling = SamplingConfiguration()
  public var seed: UInt64 = 0
  /// Place of each sample's first token, per scale, on the whole picture's grid; nil: (0, 0).
  public var origins: ((_ scale: Int) -> [GridOffset])?
  /// The interpolation by which F_{k−1} is resized to scale k.
  public var contextResize = Tensor.Interpolation.area
  /// Shortcuts that cost quality.
  public var acceleration = Acceleration()
  /// The information that each scale of a video's frame takes from the frame before; nil for a
  /// picture.
  public var carried: ((_ scale: Int) -> TemporalBias)?
  /// Called before each sampled scale; an error thrown here stops the generation.
  public var progress: ((_ scale: Int) throws -> Void)?
  /// Called after the forced scales and after each sampled one with its number and F_k, `[B, d, H,
  /// W]`; an error thrown here stops the generation.
  public var inspectSum: ((_ scale: Int, Tensor) throws -> Void)?
  /// Called with the logits `[B, L_k, 2 D]` of every scale (also of forced ones, whose logits are
  /// otherwise never computed), after 1 / τ and guidance.
  public var inspectLogits: ((_ scale: Int, Tensor) -> Void)?

  public init() {}
}

/// Scale by scale generation with a key/value cache (`Documentation/method.md`, "Generation").
public struct Generator: Sendable {
  public let transformer: VisualAutoregressiveTransformer
  public let schedule: ScaleSchedule
  public let rotary: RotaryEmbedding
  /// The policy of matrix products and of the cache.
  public let policy: ComputePolicy

  public init(
    _ transformer: VisualAutoregressiveTransformer, _ schedule: ScaleSchedule, reference: GridSize,
    policy: ComputePolicy = .float32
  ) {
    self.transformer = transformer
    self.schedule = schedule
    self.policy = policy
    rotary = RotaryEmbedding(
      schedule, reference: reference, headDimension: transformer.headDimension, on: policy.device)
  }

  /// The generator of a model's tiles; nil where it has no transformer.
  public init?(_ model: Model) {
    guard let transformer = model.transformer else { return nil }
    self.init(
      transformer, model.configuration.scaleSchedule,
      reference: model.configuration.rotaryReference, policy: model.policy)
  }

  /// Bits of every scale, `[B, d, h_k, w_k]`, and the sum of all codes F_K, `[B, d, H, W]`.
  public struct Result {
    public let bits: [Tensor]
    public let latent: Tensor
  }

  /// - Parameters:
  ///   - condition: of the batch.
  ///   - unconditional: the null condition, where guidance is not 1.
  ///   - scaleCount: the number of scales to run; nil: all.
  ///   - options: the sampling of bits, and callbacks.
  public func callAsFunction(
    _ condition: Condition, unconditional: Condition? = nil, scaleCount: Int? = nil,
    _ options: GenerationOptions
  ) throws -> Result {
    try throwingResourceErrors {
      try withoutGradients {
        try policy {
          try generate(condition, unconditional, scaleCount ?? schedule.count, options)
        }
      }
    }
  }

  private func generate(
    _ condition: Condition, _ unconditional: Condition?, _ scaleCount: Int,
    _ options: GenerationOptions
  ) throws -> Result {
    let quantizer = MultiScaleQuantizer(schedule)
    let acceleration = options.acceleration
    var run = [Branch(self, condition, scaleCount)]
    let guidance = options.sampling.guidance
    if !guidance.isOff, let unconditional {
      run.append(Branch(self, unconditional, scaleCount))
    }
    let sampler = BitSampler(options.sampling, seed: options.seed)
    let temperature = options.sampling.temperature > 0 ? options.sampling.temperature : 1

    func logits(_ hidden: [Tensor], scale k: Int) -> Tensor {
      let g = guidance(scale: k)
      let isMixed = run.count == 2 && g != 1 && (options.sampling.guidanceLayer ?? 0) == 0
      let parts = zip(run, hidden).prefix(isMixed ? 2 : 1).map { $0.logits($1) * (1 / temperature) }
      return isMixed ? parts[0] * g + parts[1] * (1 - g) : parts[0]
    }
    let mixing = Mixing(options.sampling, depth: transformer.blocks.count)

    // All forced scales in one block-causal pass, with the others where one pass has to do.
    var bits = options.prefix.prefix(scaleCount).enumerated().map { k, residual in
      BinarySphericalQuantization.bits(
        options.carried?(k).steadied(residual, schedule, scale: k) ?? residual)
    }
    let forced = bits.count
    var sum: Tensor?
    var contexts: [Tensor] = []
    for k in 0..<forced {
      sum = quantizer.accumulate(sum, bits: bits[k])
      if k + 1 < scaleCount {
        contexts.append(quantizer.context(sum!, scale: k + 1, options.contextResize))
      }
    }
    let together = acceleration.onePass ? scaleCount : forced
    for k in contexts.count + 1..<max(together, contexts.count + 1) {
      contexts.append(quantizer.context(sum!, scale: k, options.contextResize))
    }
    var passed: [Tensor] = []
    if forced > 0, forced < scaleCount || options.inspectLogits != nil {
      let first = schedule.prefix(together)
      let tokens = contexts.prefix(together - 1).map(schedule.tokens)
      passed = hidden(
        run, run.map { $0.together(tokens, first) }, mixing,
        guidance.tokens(first.tokens.map(\.count)))
      if let inspect = options.inspectLogits {
        for k in 0..<forced {
          inspect(k, logits(passed.map { schedule.part(k, of: $0) }, scale: k))
        }
      }
    }

    if let sum { try options.inspectSum?(forced - 1, sum) }
    for k in forced..<scaleCount {
      try options.progress?(k)
      let states: [Tensor]
      if k < together {
        states = passed.map { schedule.part(k, of: $0) }
      } else {
        let context = sum.map {
          schedule.tokens(quantizer.context($0, scale: k, options.contextResize))
        }
        let share = acceleration.pruned(scale: k, of: scaleCount)
        let selection = context.flatMap { TokenSelection($0, leavingOut: share) }
        states = hidden(
          run, run.map { $0.next(context, scale: k, selection) }, mixing,
          guidance.tokens([1], from: k))
      }
      let logits = logits(states, scale: k)
      options.inspectLogits?(k, logits)
      let size = schedule.tokens[k]
      let origins =
        options.origins?(k) ?? Array(repeating: .zero, count: logits.size(0))
      let drawn = sampler(
        logits, scale: k, size: size, origins: origins, carried: options.carried?(k))  // [B, L, D]
      bits.append(schedule.map(drawn.to(.uint8), scale: k).to(.bool))
      sum = quantizer.accumulate(sum, bits: bits[k])
      try options.inspectSum?(k, sum!)
    }
    return Result(bits: bits, latent: sum!)
  }

  /// The block after which guidance mixes hidden states; nil: it mixes logits, or nothing.
  private struct Mixing {
    let block: Int

    init?(_ sampling: SamplingConfiguration, depth: Int) {
      guard let layer = sampling.guidanceLayer, layer < 0, !sampling.guidance.isOff else {
        return nil
      }
      block = depth + layer
    }

    /// The conditional and the unconditional states: the same mixture where tokens are guided.
    func callAsFunction(_ states: [Tensor], _ guidance: Tensor) -> [Tensor] {
      let g = guidance.to(states[0].device)
      let mixed = states[0] * g + states[1] * (1 - g)
      let isPlain = g .== Tensor.ones(like: g)
      return states.map { $0.selected(where: isPlain, else: mixed) }
    }
  }

  /// Hidden states of tokens under every condition.
  private func hidden(
    _ run: [Branch], _ passes: [Branch.Pass], _ mixing: Mixing?, _ guidance: Tensor
  ) -> [Tensor] {
    let depth = transformer.blocks.count
    guard let mixing, run.count == 2 else {
      return zip(run, passes).map { $0.finished($1, $0.through($1, 0..<depth)) }
    }
    let first = 0..<mixing.block + 1
    let mixed = mixing(zip(run, passes).map { $0.through($1, first) }, guidance)
    return zip(run, zip(passes, mixed)).map { branch, pass in
      branch.finished(
        pass.0, branch.through(pass.0.continued(pass.1), first.upperBound..<depth))
    }
  }

  /// The passes of the transformer over the scales under one condition.
  private final class Branch {
    let transformer: VisualAutoregressiveTransformer
    let schedule: ScaleSchedule
    let rotary: RotaryEmbedding
    let condition: Condition
    let cache: KeyValueCache
    /// Hidden states of the last scale that was run.
    private var last: (hidden: Tensor, size: GridSize)?

    init(_ generator: Generator, _ condition: Condition, _ scaleCount: Int) {
      transformer = generator.transformer
      schedule = generator.schedule
      rotary = generator.rotary
      self.condition = condition
      cache = KeyValueCache(
        depth: transformer.configuration.depth, batch: condition.start.size(0),
        heads: transformer.configuration.heads,
        length: generator.schedule.prefix(scaleCount).tokenCount,
        headDimension: transformer.headDimension, generator.policy)
    }

    /// Tokens on their way through the blocks.
    struct Pass {
      var x: Tensor
      let context: AttentionContext
      /// The scale that they end with.
      let scale: Int
      /// Which tokens of it they are; nil: all.
      var selection: TokenSelection?

      func continued(_ x: Tensor) -> Pass {
        var pass = self
        pass.x = x
        return pass
      }
    }

    /// Hidden states of tokens after some blocks.
    func through(_ pass: Pass, _ blocks: Range<Int>) -> Tensor {
      transformer.hidden(pass.x, condition, pass.context, blocks: blocks)
    }

    /// Hidden states of all tokens after the last block.
    func finished(_ pass: Pass, _ computed: Tensor) -> Tensor {
      let size = schedule.tokens[pass.scale]
      var hidden = computed
      if let selection = pass.selection, let last {
        hidden = selection.restored(hidden, last, size: size)
      }
      last = (hidden.narrowed(1, from: hidden.size(1) - size.count, count: size.count), size)
      return hidden
    }

    /// The first scales in one pass.
    func together(_ contexts: [Tensor], _ first: ScaleSchedule) -> Pass {
      let x =
        contexts.isEmpty
        ? transformer.startTokens(condition)
        : transformer.sequence(.concatenated(contexts, 1), first, condition)
      return Pass(
        x: x,
        context: AttentionContext(
          rotaryCosSin: rotary.cosSin(0..<first.tokenCount), scales: first.tokens.map(\.count),
          cache: cache),
        scale: first.count - 1)
    }

    /// The next scale; with a selection, its tokens alone.
    func next(_ context: Tensor?, scale k: Int, _ selection: TokenSelection?) -> Pass {
      let (size, range) = (schedule.tokens[k], schedule.ranges[k])
      var x =
        context.map { transformer.tokens($0, scale: k, size, condition) }
        ?? transformer.startTokens(condition)
      var rotaryCosSin = rotary.cosSin(range)
      if let selection {
        x = selection(x)
        rotaryCosSin = rotary.cosSin(range, at: selection.indices)
      }
      return Pass(
        x: x,
        context: AttentionContext(rotaryCosSin: rotaryCosSin, scales: [x.size(1)], cache: cache),
        scale: k,
        selection: selection)
    }

    func logits(_ hidden: Tensor) -> Tensor { transformer.logits(hidden, condition) }
  }
}
