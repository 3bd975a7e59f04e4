import NSARM
import Torch

/// Queries or keys `[B, H, L, c]` of the tokens `range` turned as attention turns them, but with
/// their own lengths: `Tensor.rotatedHeads` makes them 1.
public func turned(_ x: Tensor, by rotary: RotaryEmbedding, _ range: Range<Int>) -> Tensor {
  let (batch, heads, length) = (x.size(0), x.size(1), x.size(2))
  let rows = x.transposed(1, 2).reshaped(batch, length, -1)
  let (cosines, sines) = rotary.turns(range)
  let units = Tensor.concatenated([rows, rows, rows], 2).rotatedHeads(
    heads, strength: .ones([heads]), cosines: cosines, sines: sines
  ).queries
  return units * x.square().sum([3], keep: true).sqrt()
}
