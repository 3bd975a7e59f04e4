import Torch

/// Predicts the bits of scale k from all scales before it (Infinity, Han et al., 2024;
/// `Documentation/method.md`, "Transformer").
public struct VisualAutoregressiveTransformer: Sendable {
  public let configuration: TransformerConfiguration
  /// D: bits of a token.
  public let tokenBits: Int
  let wordEmbedding: Linear
  let levelEmbedding: Embedding
  let startPosition: Parameter
  let sharedModulation: Linear
  let blocks: [TransformerBlock]
  let headModulation: Linear
  let head: Linear
  let textCondition: TextCondition?
  package let pictureCondition: PictureCondition?
  /// How blocks are run; nil: plainly.
  var blockEvaluation: (any BlockEvaluation)?

  public init(
    _ c: TransformerConfiguration, tokenBits: Int, _ p: ParameterScope
  ) throws {
    configuration = c
    self.tokenBits = tokenBits
    wordEmbedding = try Linear(tokenBits, c.width, role: .matrix.packed, p / "word_embed")
    levelEmbedding = try Embedding(c.levels, c.width, p / "lvl_embed")
    startPosition = try p("pos_start", [1, 1, c.width], .vector, .normal(0.02))
    sharedModulation = try Linear(
      c.width, 6 * c.width, role: .matrix.packed.wide, gain: 0.1, p / "shared_ada_lin" / 1)
    blocks = try (0..<c.depth).map { index in
      guard let chunk = c.blocksPerChunk else {
        return try TransformerBlock(c, p / "blocks" / index)
      }
      let scope = p / "block_chunks" / (index / chunk) / "module" / (index % chunk)
      return try TransformerBlock(c, scope)
    }
    headModulation = try Linear(
      c.width, 2 * c.width, role: .matrix.packed.wide, gain: 0.1, p / "head_nm" / "ada_lin" / 1)
    head = try Linear(
      c.width, 2 * tokenBits, role: .matrix.packed.wide, gain: 0.1, p / "head")
    textCondition = try c.text.map { try TextCondition(c, $0, p) }
    pictureCondition = try c.picture.map { try PictureCondition(c, $0, p) }
  }

  /// Channels of an attention head.
  public var headDimension: Int { configuration.width / configuration.heads }

  // MARK: Conditions

  /// - Parameters:
  ///   - lowQuality: `[B, 3, h, w]` in [-1, 1], for models conditioned on the picture.
  ///   - text: features of the text encoder `[B, n, channels]` and mask `[B, n]` (true where there
  ///     is text, nil: everywhere), for models conditioned on text.
  public func condition(
    lowQuality: Tensor? = nil, text: (features: Tensor, mask: Tensor?)? = nil
  ) -> Condition {
    var start: Tensor?
    var context: (features: Tensor, mask: Tensor?)?
    var picture: Tensor?
    if let textCondition {
      precondition(text != nil, "this transformer needs text features")
      let mask = text!.mask.map { $0.unsqueezed(1).unsqueezed(1) }
      let projected = textCondition(text!.features, mask)
      start = projected.start
      context = (projected.features, mask)
    }
    if let pictureCondition {
      precondition(lowQuality != nil, "this transformer needs the low-quality picture")
      let projected = pictureCondition(lowQuality!)
      start = start.map { $0 + projected.start } ?? projected.start
      picture = projected.features
    }
    let vector = start!.to(.float32)
    let shared = withAutocast(.float32, on: vector.device) { sharedModulation(vector.silu()) }
      .reshaped(vector.size(0), 1, 6, configuration.width)
    return Condition(start: vector, text: context, picture: picture, shared: shared)
  }

  /// The null text for classifier-free guidance, as long as the text it stands in for: `[1, n,
  /// channels]`.
  public func unconditionalText(length: Int) -> Tensor? {
    textCondition?.unconditional.value.narrowed(0, from: 0, count: length).unsqueezed(0)
  }

  // MARK: Tokens

  /// The first token, `[B, 1, C]`.
  func startTokens(_ condition: Condition) -> Tensor {
    added(condition.start.unsqueezed(1) + startPosition.value, GridSize(1, 1), 0, condition)
  }

  /// Tokens of scale k > 0 from F_{k−1} resized and patchified: `[B, L_k, D]` → `[B, L_k, C]`.
  func tokens(_ context: Tensor, scale k: Int, _ size: GridSize, _ condition: Condition) -> Tensor {
    added(wordEmbedding(context).to(.float32), size, k, condition)
  }

  /// Adds the level embedding and the low-quality picture's features at this scale.
  private func added(
    _ tokens: Tensor, _ size: GridSize, _ k: Int, _ condition: Condition
  ) -> Tensor {
    var x = tokens + levelEmbedding.weight.value.narrowed(0, from: k, count: 1)
    if let picture = condition.picture {
      x = x + picture.resized(size.height, size.width, .area).flattened(from: 2).transposed(1, 2)
    }
    return x
  }

  // MARK: Forward

  /// Hidden states of some scales: x `[B, L, C]` → `[B, L, C]`, float32.
  /// - Parameter range: of the blocks that are run; nil: all.
  func hidden(
    _ x: Tensor, _ condition: Condition, _ context: AttentionContext,
    blocks range: Range<Int>? = nil
  ) -> Tensor {
    (range ?? blocks.indices).reduce(x) { x, index in
      let block = blocks[index]
      guard let blockEvaluation else {
        return block(x, shared: condition.shared, text: condition.text, context, block: index)
      }
      let features = condition.text?.features
      return blockEvaluation(
        BlockInputs(x: x, shared: condition.shared, features: features), block: index
      ) { inputs in
        let text = inputs.features.map { (features: $0, mask: condition.text?.mask) }
        return block(inputs.x, shared: inputs.shared, text: text, context, block: index)
      }
    }
  }

  /// The parameters of each block.
  package var blockParameters: [[Parameter]] { blocks.map(\.parameters) }

  /// Logits of hidden states, float32: `[B, L, C]` → `[B, L, 2 D]`, index 2 · bit + value.
  func logits(_ hidden: Tensor, _ condition: Condition) -> Tensor {
    withAutocast(.float32, on: hidden.device) {
      let parts = headModulation(condition.start.silu())
        .reshaped(condition.start.size(0), 1, 2, -1)
      return head(hidden.modulatedNorm(scale: parts.selected(2, 0), shift: parts.selected(2, 1)))
    }
  }

  /// Teacher forcing: logits of all scales at once.
  ///
  /// # Shapes
  /// contexts: patchified F_{k−1} at scale k for k = 2..K, concatenated, `[B, L − 1, D]` → `[B, L,
  /// 2 D]`; residualScales: factors of the attention and the feed-forward of each block, for drop
  /// path, `[2, B, 1, 1]`.
  public func callAsFunction(
    _ contexts: Tensor, _ schedule: ScaleSchedule, _ rotary: RotaryEmbedding,
    _ condition: Condition, residualScales: [Tensor]? = nil
  ) -> Tensor {
    let x = sequence(contexts, schedule, condition)
    let context = AttentionContext(
      rotaryCosSin: rotary.cosSin(0..<schedule.tokenCount), scales: schedule.tokens.map(\.count),
      cache: nil, residualScales: residualScales)
    return logits(hidden(x, condition, context), condition)
  }

  // MARK: Cost

  /// Floating-point operations of the bits of one picture, 4 C L_q L_kv of attention per block and
  /// scale among them.
  ///
  /// - Parameters:
  ///   - tokens: of each scale.
  ///   - forced: the number of scales that are given, so that they need no logits.
  package func operations(tokens: [Int], forced: Int) -> Double {
    let counts = tokens.map { Double($0) }
    let all = counts.reduce(0, +)
    let matrices = blocks.reduce(0) { $0 + $1.operations }
    var sum =
      matrices * all + wordEmbedding.operations * (all - 1)
      + head.operations * counts.dropFirst(forced).reduce(0, +)
    var seen = 0.0
    for count in counts {
      seen += count
      sum += 4 * Double(configuration.width * blocks.count) * count * seen
    }
    return sum
  }

  /// Tokens of all scales of `schedule`, `[B, L, C]`.
  func sequence(_ contexts: Tensor, _ schedule: ScaleSchedule, _ condition: Condition) -> Tensor {
    let sizes = schedule.tokens
    var parts = [startTokens(condition)]
    if sizes.count > 1 {
      let split = contexts.split(sizes.dropFirst().map(\.count), 1)
      for k in 1..<sizes.count {
        parts.append(tokens(split[k - 1], scale: k, sizes[k], condition))
      }
    }
    return .concatenated(parts, 1)
  }
}
