import NSARM
import Torch

/// Queries or keys `[B, H, L, c]` of the tokens `range` with attention's rotation, but with their
/// own lengths, which `Tensor.rotatedHeads` normalises to 1.
public func turned(_ x: Tensor, by rotary: RotaryEmbedding, _ range: Range<Int>) -> Tensor {
  let (batch, heads, length) = (x.size(0), x.size(1), x.size(2))
  let rows = x.transposed(1, 2).reshaped(batch, length, -1)
  let (cosines, sines) = rotary.cosSin(range)
  let units = Tensor.concatenated([rows, rows, rows], 2).rotatedHeads(
    heads, logitScale: .ones([heads]), cosines: cosines, sines: sines
  ).queries
  return units * x.square().sum([3], keep: true).sqrt()
}
