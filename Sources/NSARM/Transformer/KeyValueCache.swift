import Torch

/// Keys and values of all earlier scales, one pair of buffers per block, allocated once for the
/// whole schedule.
public final class KeyValueCache {
  private let tokens: [KVCacheLayer]
  private var filled: [Int]

  /// - Parameters:
  ///   - depth: blocks of the transformer.
  ///   - batch: pictures or tiles.
  ///   - heads: of attention.
  ///   - length: tokens of the whole schedule.
  ///   - headDimension: channels of a head.
  ///   - policy: whose activations' type both have: float32 keys as in the reference, or bfloat16
  ///     for half the memory; or 8 bits for a quarter, where the policy is int8 and heads have
  ///     channels in fours.
  public init(
    depth: Int, batch: Int, heads: Int, length: Int, headDimension: Int, _ policy: ComputePolicy
  ) {
    let isQuantized = Self.isQuantized(headDimension, policy)
    let shape = [batch, heads, length, headDimension]
    func buffer() -> Tensor { .empty(shape, policy.activations, on: policy.device) }
    tokens = (0..<depth).map { _ in
      isQuantized
        ? .quantized(
          QuantizedTokens(batch: batch, heads: heads, length: length, channels: headDimension))
        : .plain(keys: buffer(), values: buffer())
    }
    filled = Array(repeating: 0, count: depth)
  }

  private static func isQuantized(_ headDimension: Int, _ policy: ComputePolicy) -> Bool {
    policy.precision == .int8 && QuantizedTokens.holds(channels: headDimension)
  }

  /// Bytes of a cache for one sample.
  package static func byteCount(
    depth: Int, heads: Int, length: Int, headDimension: Int, _ policy: ComputePolicy
  ) -> Int {
    // Numbers of 8 bits have a scale and a sum beside them.
    let perToken =
      isQuantized(headDimension, policy)
      ? headDimension + 8 : headDimension * policy.activations.size
    return 2 * depth * heads * length * perToken
  }

  /// Appends keys and values `[B, H, L, c]` of block `index` and returns all so far, with their
  /// number.
  func append(_ key: Tensor, _ value: Tensor, block index: Int) -> (KVCacheLayer, count: Int) {
    let (start, count) = (filled[index], key.size(2))
    switch tokens[index] {
    case .plain(let keys, let values):
      keys.narrowed(2, from: start, count: count).copyInPlace(key)
      values.narrowed(2, from: start, count: count).copyInPlace(value)
    case .quantized(let tokens):
      tokens.append(key, value, at: start)
    }
    filled[index] = start + count
    return (tokens[index], start + count)
  }
}

/// Keys and values that queries attend to.
enum KVCacheLayer {
  /// `[B, H, L, c]` each.
  case plain(keys: Tensor, values: Tensor)
  case quantized(QuantizedTokens)

  /// softmax(q kᵀ) v over the first `count` tokens, `[B, H, Lq, c]`.
  func attention(_ q: Tensor, count: Int) -> Tensor {
    switch self {
    case .plain(let keys, let values):
      q.attention(
        keys.narrowed(2, from: 0, count: count).to(q.dtype),
        values.narrowed(2, from: 0, count: count).to(q.dtype), scale: 1)
    case .quantized(let tokens):
      tokens.attention(q, count: count)
    }
  }
}
