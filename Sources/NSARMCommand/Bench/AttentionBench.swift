import Foundation
import Torch

/// The time of a head's attention at the last scale of a picture of 1024x1024, with keys and values
/// in 8 bits and in float32.
struct AttentionReport: Encodable {
  let queries, keys, channels: Int
  /// The fastest of several runs: in 8 bits, in float32, and by libtorch in float32.
  let seconds, float32Seconds, libtorchSeconds: Double
  /// 10¹² operations per second in 8 bits.
  let teraflops: Double
  /// ‖in 8 bits − in float64‖ / ‖in float64‖.
  let error: Double

  /// Times each for about `budget` seconds, or once; a small budget gets fewer queries.
  init(budget: Double) {
    let (queries, keys, channels) = (budget < 0.1 ? 64 : 4096, 10521, 128)
    let random = RandomGenerator(seed: 4)
    // Directions around eight, as in cosine attention, and values with a mean.
    let centres = Tensor.randn([8, channels], using: random)
    func directions(_ count: Int) -> Tensor {
      let few = centres.repeated([count / 8 + 1, 1]).narrowed(0, from: 0, count: count)
      return (few + Tensor.randn([count, channels], using: random)).l2Normalized(-1)
        .reshaped(1, 1, count, channels)
    }
    let (q, k) = (directions(queries) * 20, directions(keys))
    let v =
      Tensor.randn([1, 1, keys, channels], using: random)
      + Tensor.randn([channels], using: random) * 0.5
    let tokens = QuantizedTokens(batch: 1, heads: 1, length: keys, channels: channels)
    tokens.append(k, v, at: 0)
    self.queries = queries
    self.keys = keys
    self.channels = channels
    seconds = fastest(budget) { _ = tokens.attention(q, count: keys) }
    float32Seconds = fastest(budget) { _ = q.attention(k, v, scale: 1) }
    libtorchSeconds = fastest(budget) { _ = q.attentionReference(k, v, scale: 1) }
    teraflops = Double(4 * queries * keys * channels) / seconds / 1e12
    let some = q.narrowed(2, from: 0, count: 64)
    let exact = some.to(.float64).attentionReference(k.to(.float64), v.to(.float64), scale: 1)
    let difference = tokens.attention(some, count: keys).to(.float64) - exact
    error = (difference.square().sum() / exact.square().sum()).item.squareRoot()
  }

  var line: String {
    String(
      format: "attention of %d queries to %d keys, %d channels: in 8 bits %.1f ms (%.3f TFLOP/s, "
        + "relative error %.4f), in float32 %.1f ms, libtorch's %.1f ms",
      queries, keys, channels, seconds * 1000, teraflops, error, float32Seconds * 1000,
      libtorchSeconds * 1000)
  }
}
