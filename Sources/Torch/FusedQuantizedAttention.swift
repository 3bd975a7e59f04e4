/// Keys and values of attention in 8 bits (7 where the processor has no VNNI) with a step per token
/// and head, in memory that is laid out for the processor's products: a quarter of float32's.
/// On the CPU, for inference only.
public struct QuantizedTokens: Sendable {
  private let memory: Tensor  // [B, H, L, bytes of a token]

  /// Memory for `length` tokens.
  /// - Parameter channels: per head, a multiple of 4 (`holds`).
  public init(batch: Int, heads: Int, length: Int, channels: Int) {
    memory = aten(.quantizedTokens, batch, heads, length, channels)
  }

  /// Whether tokens of this many channels per head can be kept.
  public static func holds(channels: Int) -> Bool { channels > 0 && channels % 4 == 0 }

  /// Writes keys and values `[B, H, n, c]`, float32 or bfloat16, as tokens `start` and on. The
  /// integers of a token are i = round(x / step) with step = max |x| / limit, limit 127 or 63.
  public func append(_ keys: Tensor, _ values: Tensor, at start: Int) {
    _ = aten(.quantizedAppend, memory, keys, values, start)
  }

  /// softmax(q kᵀ) v over the first `count` tokens, without derivatives. Both products are of
  /// integers; queries have a step each, and so have the weights of a query in a block of 256 keys
  /// (`quantizedAttentionReference`). A query's result depends on nothing but the query, the tokens
  /// and their places.
  ///
  /// # Shapes
  /// q `[B, H, Lq, c]`, float32 or bfloat16 → `[B, H, Lq, c]` of its type, in the memory order of
  /// `[B, Lq, H, c]`.
  public func attention(_ q: Tensor, count: Int) -> Tensor {
    aten(.quantizedAttention, q, memory, count)
  }

  /// The bytes of all tokens that are written and zeros.
  var bytes: [UInt8] { memory.withBytes { Array($0) } }
}

extension Tensor {
  /// `QuantizedTokens.attention` in libtorch's operators, with the same integers but for rounding.
  ///
  /// With scores s to base 2 and steps σ of the values, the weights of the values' integers are p_j
  /// = 2^(s_j + log₂ σ_j). In each block of keys they are multiples of a fraction of their largest:
  /// ⌊p_j · limit / max p + f_j⌋, limit 255 or 127. Fractions f_j are spread evenly in (0, 1) by
  /// the place of the key: rounding to nearest would lose many small weights beside a large one.
  /// Results are divided by the sum of the weights before rounding.
  func quantizedAttentionReference(_ keys: Tensor, _ values: Tensor) -> Tensor {
    let limits = QuantizedMatrix.limits
    let (weightLimit, tokenLimit) = (Double(limits.first), Double(limits.second))
    // Memory is whole blocks.
    let block = aten(.quantizedTokens, 1, 1, 1, 4).size(2)
    func integers(_ x: Tensor, _ limit: Double) -> (Tensor, steps: Tensor) {
      let x = x.to(.float32)
      let steps = (x.abs().max([-1], keep: true) / limit).clamped(min: 0x1p-40)
      return ((x * (1 / steps)).rounded().to(.float64), steps.to(.float64))
    }
    let (q, qSteps) = integers(self, (weightLimit / 2).rounded(.down))
    let (k, kSteps) = integers(keys, tokenLimit)
    let (v, vSteps) = integers(values, tokenLimit)
    let base2 = 1.4426950408889634
    let scores =
      q.matmul(k.transposed(2, 3)) * (qSteps * kSteps.transposed(2, 3)) * base2
      + aten(.log2, vSteps).transposed(2, 3)
    let highest = scores.max([-1], keep: true)
    let fractions = Tensor(
      (1...block).map { Float((UInt32($0) &* 2_654_435_769) >> 8) * 0x1p-24 })
    var (sum, total) = (Tensor.zeros([1], .float64), Tensor.zeros([1], .float64))
    for start in stride(from: 0, to: keys.size(2), by: block) {
      let count = Swift.min(block, keys.size(2) - start)
      let s = scores.narrowed(3, from: start, count: count)
      let most = s.max([-1], keep: true)
      let p = aten(.exp2, s - most) * weightLimit
      let factor = aten(.exp2, most - highest) * (1 / weightLimit)
      let rounded = (p + fractions.narrowed(0, from: 0, count: count)).floor()
      sum = sum + rounded.matmul(v.narrowed(2, from: start, count: count)) * factor
      let steps = vSteps.narrowed(2, from: start, count: count).transposed(2, 3)
      total = total + (p / steps).sum([-1], keep: true) * factor
    }
    return sum / total
  }
}
