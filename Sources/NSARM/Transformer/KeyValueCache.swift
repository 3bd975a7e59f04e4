import Torch

/// Keys and values of all earlier scales, one pair of buffers per block, allocated once for the
/// whole schedule.
public final class KeyValueCache {
  private let keys, values: [Tensor]  // [B, H, L, c] each
  private var filled = [Int]()

  /// - Parameters:
  ///   - length: tokens of the whole schedule.
  ///   - dtype: element type of both; float32 keys as in the reference, or bfloat16 for half the
  ///     memory.
  public init(
    depth: Int, batch: Int, heads: Int, length: Int, headDimension: Int,
    _ dtype: DType = .float32, on device: Device = .cpu
  ) {
    let shape = [batch, heads, length, headDimension]
    keys = (0..<depth).map { _ in .empty(shape, dtype, on: device) }
    values = (0..<depth).map { _ in .empty(shape, dtype, on: device) }
    filled = Array(repeating: 0, count: depth)
  }

  /// Bytes of a cache for one sample under a policy.
  static func byteCount(
    depth: Int, heads: Int, length: Int, headDimension: Int, _ policy: ComputePolicy
  ) -> Int {
    2 * depth * heads * length * headDimension * policy.activations.size
  }

  /// Appends keys and values `[B, H, L, c]` of block `index` and returns all so far.
  func append(_ key: Tensor, _ value: Tensor, block index: Int) -> (keys: Tensor, values: Tensor) {
    let start = filled[index]
    let count = key.size(2)
    keys[index].narrowed(2, from: start, count: count).copyInPlace(key)
    values[index].narrowed(2, from: start, count: count).copyInPlace(value)
    filled[index] = start + count
    return (
      keys[index].narrowed(2, from: 0, count: start + count),
      values[index].narrowed(2, from: 0, count: start + count)
    )
  }
}
