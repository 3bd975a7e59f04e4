import Foundation
import Torch

/// A block of the text encoder: attention, then a gated feed-forward, each of normalised inputs and
/// added to them. No biases; the residual stream is float32.
struct TextEncoderBlock {
  let attention: TextSelfAttention
  let feedForward: GatedFeedForward
  let attentionNorm, feedForwardNorm: RMSNorm

  /// - Parameter hasPositions: whether the block holds the table of relative positions.
  init(_ c: TextEncoderConfiguration, hasPositions: Bool, _ p: ParameterScope) throws {
    let (first, second) = (p / "layer" / 0, p / "layer" / 1)
    attentionNorm = try RMSNorm(c.width, first / "layer_norm")
    attention = try TextSelfAttention(c, hasPositions: hasPositions, first / "SelfAttention")
    feedForwardNorm = try RMSNorm(c.width, second / "layer_norm")
    feedForward = try GatedFeedForward(c, second / "DenseReluDense")
  }

  /// x `[B, n, C]`, bias `[B or 1, H, n, n]` → `[B, n, C]`.
  func callAsFunction(_ x: Tensor, _ bias: Tensor) -> Tensor {
    let mixed = x + attention(attentionNorm(x), bias).to(.float32)
    return mixed + feedForward(feedForwardNorm(mixed)).to(.float32)
  }
}

/// softmax(q kᵀ + bias) v: T5 does not divide by √c, its initial weights do.
struct TextSelfAttention {
  let query, key, value, output: Linear
  /// The bias of a relative position's bucket per head, which all blocks share.
  let positions: Embedding?
  let heads: Int

  init(_ c: TextEncoderConfiguration, hasPositions: Bool, _ p: ParameterScope) throws {
    query = try Linear(c.width, c.attentionWidth, bias: false, p / "q")
    key = try Linear(c.width, c.attentionWidth, bias: false, p / "k")
    value = try Linear(c.width, c.attentionWidth, bias: false, p / "v")
    output = try Linear(c.attentionWidth, c.width, bias: false, p / "o")
    // All of it is used at once, as a matrix is.
    positions =
      hasPositions
      ? try Embedding(c.buckets, c.heads, role: .matrix, p / "relative_attention_bias") : nil
    heads = c.heads
  }

  func callAsFunction(_ x: Tensor, _ bias: Tensor) -> Tensor {
    let (batch, length) = (x.size(0), x.size(1))
    func split(_ y: Tensor) -> Tensor {
      y.reshaped(batch, length, heads, -1).transposed(1, 2)  // [B, H, n, c]
    }
    let mixed = split(query(x)).attention(
      split(key(x)), split(value(x)), mask: bias, scale: 1)
    return output(mixed.transposed(1, 2).reshaped(batch, length, -1))
  }
}

/// (gelu(x W₀ᵀ) ⊙ x W₁ᵀ) Wₒᵀ (Shazeer, 2020), gelu by its tanh approximation.
struct GatedFeedForward {
  let gate, value, output: Linear

  init(_ c: TextEncoderConfiguration, _ p: ParameterScope) throws {
    gate = try Linear(c.width, c.feedForwardWidth, bias: false, p / "wi_0")
    value = try Linear(c.width, c.feedForwardWidth, bias: false, p / "wi_1")
    output = try Linear(c.feedForwardWidth, c.width, bias: false, p / "wo")
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    output(gate(x).gelu(approximate: true) * value(x))
  }
}

/// The bias that attention adds to its scores: a learnt number per head and bucket of the distance
/// from query to key, and next to −∞ for keys without text.
///
/// Of N buckets one half is for keys after the query. Within a half the first N / 4 are a distance
/// each, the others widen logarithmically up to distance 128, beyond which all share the last.
struct RelativePositionBias {
  private let buckets: Int
  private static let longest = 128.0

  init(_ c: TextEncoderConfiguration) { buckets = c.buckets }

  /// - Parameter table: `[N, H]`.
  ///
  /// # Shapes
  /// mask `[B, n]`, true where there is text → `[B, H, n, n]`; without a mask `[1, H, n, n]`.
  func callAsFunction(_ table: Tensor, length: Int, mask: Tensor?) -> Tensor {
    let table = table.to(.float32)
    let scores = table.selected(0, indices: buckets(length).flattened().to(table.device))
      .reshaped(length, length, -1).permuted(2, 0, 1).unsqueezed(0)  // [1, H, n, n]
    guard let mask else { return scores.contiguous() }
    let lowest = Tensor.full([], -Double(Float.greatestFiniteMagnitude), on: table.device)
    return scores.selected(where: mask.to(.bool).unsqueezed(1).unsqueezed(1), else: lowest)
  }

  /// The bucket of each query and key, `[n, n]`.
  func buckets(_ length: Int) -> Tensor {
    let places = Tensor.range(length)
    let distance = places.unsqueezed(0) - places.unsqueezed(1)
    let (half, exact) = (buckets / 2, buckets / 4)
    let far = distance.abs()
    // In float32, as the reference: the buckets' limits depend on the rounding.
    let logarithm =
      (far.clamped(min: 1).to(.float32) / Double(exact)).log() / log(Self.longest / Double(exact))
      * Double(half - exact)
    let wide = (logarithm.to(.int64) + Double(exact)).clamped(max: Double(half - 1))
    let bucket = far.selected(where: far .< Double(exact), else: wide)
    return (bucket + (distance .> 0).to(.int64) * Double(half)).to(.int64)
  }
}
