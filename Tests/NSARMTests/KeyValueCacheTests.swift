import Testing
import Torch

@testable import NSARM

@Suite struct KeyValueCacheTests {
  private let random = RandomGenerator(seed: 31)

  private func cache(_ channels: Int, _ precision: Precision) throws -> KeyValueCache {
    KeyValueCache(
      depth: 2, batch: 2, heads: 3, length: 57, headDimension: channels,
      try ComputePolicy(precision))
  }

  /// In 8 bits, where heads have channels in fours, scale by scale.
  @Test func int8KeepsTokensIn8Bits() throws {
    for (channels, precision, isQuantized) in [
      (16, Precision.int8, true), (6, .int8, false), (16, .float32, false),
    ] {
      let cache = try cache(channels, precision)
      let k = Tensor.randn([2, 3, 57, channels], using: random).l2Normalized(-1)
      let v = Tensor.randn([2, 3, 57, channels], using: random)
      var start = 0
      for end in [1, 5, 21, 57] {
        let (keys, values) = (
          k.narrowed(2, from: start, count: end - start),
          v.narrowed(2, from: start, count: end - start)
        )
        let (tokens, count) = cache.append(keys, values, block: 1)
        #expect(count == end)
        if case .quantized = tokens { #expect(isQuantized) } else { #expect(!isQuantized) }
        let q = keys * 4
        // Of the last scale, and of the first tokens as one-pass prefixes have it.
        for count in [end, 1] {
          let exact = q.attention(
            k.narrowed(2, from: 0, count: count), v.narrowed(2, from: 0, count: count), scale: 1)
          let found = tokens.attention(q, count: count).to(.float32)
          #expect(distance(found, exact) < 0.05 * exact.abs().max().item, "\(precision), \(end)")
        }
        start = end
      }
    }
  }
}
