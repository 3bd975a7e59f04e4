import Torch

/// The positions and scales of the tokens that self-attention sees.
struct AttentionContext {
  /// Cosines and sines of the tokens' positions, `[L, c / 2]`, or `[B, L, c / 2]` where those of
  /// samples differ.
  let rotaryCosSin: (cosines: Tensor, sines: Tensor)
  /// Lengths of the scales among the tokens; each sees itself and what is before it.
  let scales: [Int]
  let cache: KeyValueCache?
  /// Factors of a block's two gated branches, attention and feed-forward, for each block: `[2, B,
  /// 1, 1]`; nil: 1.
  var residualScales: [Tensor]?
}

/// Cosine self-attention over scales (`Documentation/method.md`, "Transformer"): q, k L2-normalised
/// per head, q times exp(min(s, log 100)), both turned by their 2-D position; block-causal by
/// scale.
struct SelfAttention {
  let qkv, qBias, vBias, scale: Parameter
  let projection: Linear
  let heads: Int

  init(_ c: TransformerConfiguration, _ p: ParameterScope) throws {
    qkv = try p(
      "mat_qkv.weight", [3 * c.width, c.width], .matrix.quantizable, .scaledNormal(fanIn: c.width))
    qBias = try p("q_bias", [c.width], .vector, .zeros)
    vBias = try p("v_bias", [c.width], .vector, .zeros)
    scale = try p(
      "scale_mul_1H11", [1, c.heads, 1, 1], .vector, .constant(1.3862943611198906))  // log 4
    projection = try Linear(
      c.width, c.width, role: .matrix.quantizable, gain: c.residualGain, p / "proj")
    heads = c.heads
  }

  /// x `[B, L, C]` → `[B, L, C]`.
  func callAsFunction(_ x: Tensor, _ context: AttentionContext, block: Int) -> Tensor {
    let (batch, length, width) = (x.size(0), x.size(1), x.size(2))
    let bias = Tensor.concatenated(
      [qBias.value, Tensor.zeros(like: qBias.value).detached(), vBias.value], 0)
    let logitScale = scale.value.clamped(max: 4.605170185988092).exp()  // log 100
    let (q, k, v) = qkv.linear(x, bias).rotatedHeads(
      heads, logitScale: logitScale.flattened(), cosines: context.rotaryCosSin.cosines,
      sines: context.rotaryCosSin.sines)
    let (tokens, count) =
      context.cache?.append(k, v, block: block) ?? (.plain(keys: k, values: v), length)
    let mixed = blockCausal(q, tokens, before: count - length, context.scales)
    return projection(mixed.transposed(1, 2).reshaped(batch, length, width))
  }

  /// Floating-point operations of the matrices per token.
  var operations: Double { qkv.operations + projection.operations }

  /// Attention of each scale to itself and everything before it, `before` tokens of earlier calls
  /// among them: one product per scale and no mask.
  private func blockCausal(
    _ q: Tensor, _ tokens: KVCacheLayer, before: Int, _ scales: [Int]
  ) -> Tensor {
    var end = 0
    let parts = scales.map { length in
      let queries = q.narrowed(2, from: end, count: length)
      end += length
      return tokens.attention(queries, count: before + end)
    }
    return parts.count == 1 ? parts[0] : .concatenated(parts, 2)
  }
}

/// Attention of `[B, Lq, C]` to text features, or of learnt queries (`AttentionPool`).
struct CrossAttention {
  let query: Linear
  let pairs: TextProjection
  let projection: Linear
  let heads: Int

  init(_ c: TransformerConfiguration, _ p: ParameterScope) throws {
    let role = WeightRole.matrix.quantizable
    query = try Linear(c.width, c.width, role: role, p / "mat_q")
    pairs = try TextProjection(c.width, c.width, role: role, p)
    projection = try Linear(c.width, c.width, role: role, gain: c.residualGain, p / "proj")
    heads = c.heads
  }

  /// x `[B, L, C]`, features `[B, n, C]`, mask `[B, 1, 1, n]` (true where there is text) → `[B, L,
  /// C]`.
  func callAsFunction(_ x: Tensor, _ features: Tensor, _ mask: Tensor?) -> Tensor {
    let (batch, length, width) = (x.size(0), x.size(1), x.size(2))
    let q = query(x).reshaped(batch, length, heads, width / heads).transposed(1, 2)
    let (k, v) = pairs(features, heads: heads)
    let mixed = q.attention(k.to(q.dtype), v.to(q.dtype), mask: mask)
    return projection(mixed.transposed(1, 2).reshaped(batch, length, width))
  }

  /// Floating-point operations of the matrices per token.
  var operations: Double { query.operations + pairs.weight.operations + projection.operations }
}

/// Keys (without bias) and values of text features.
struct TextProjection {
  let weight, vBias: Parameter

  init(_ inputs: Int, _ width: Int, role: WeightRole, _ p: ParameterScope) throws {
    weight = try p("mat_kv.weight", [2 * width, inputs], role, .scaledNormal(fanIn: inputs))
    vBias = try p("v_bias", [width], .vector, .zeros)
  }

  /// features `[B, n, I]` → keys and values `[B, H, n, c]`.
  func callAsFunction(_ features: Tensor, heads: Int) -> (keys: Tensor, values: Tensor) {
    let bias = Tensor.concatenated([Tensor.zeros(like: vBias.value).detached(), vBias.value], 0)
    let parts = weight.linear(features, bias)
      .reshaped(features.size(0), features.size(1), 2, heads, -1).permuted(2, 0, 3, 1, 4)
    return (parts.selected(0, 0), parts.selected(0, 1))
  }
}

/// One vector from text features by attention with a learnt query per head (`text_proj_for_sos`).
struct AttentionPool {
  let query: Parameter
  let pairs: TextProjection
  let projection: Linear
  let heads: Int

  init(_ c: TransformerConfiguration, _ text: TextConfiguration, _ p: ParameterScope) throws {
    let p = p / "ca"
    heads = text.channels / (c.width > 4096 ? 64 : 128)  // as published
    query = try p("mat_q", [1, heads, c.width / heads], .vector, .normal(0.02))
    pairs = try TextProjection(text.channels, c.width, role: .matrix, p)
    projection = try Linear(c.width, c.width, p / "proj")
  }

  /// features `[B, n, text channels]` → `[B, C]`.
  func callAsFunction(_ features: Tensor, _ mask: Tensor?) -> Tensor {
    let batch = features.size(0)
    let (k, v) = pairs(features, heads: heads)
    let q = query.value.reshaped(1, heads, 1, -1).expanded([batch, heads, 1, k.size(3)]).to(k.dtype)
    return projection(q.attention(k, v, mask: mask).reshaped(batch, -1))
  }
}
