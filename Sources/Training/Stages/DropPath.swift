import Torch

/// Drop path (stochastic depth, Huang et al., 2016): a residual branch of a block is left out for
/// some samples, with a probability that rises linearly from 0 in the first block to `maximum` in
/// the last; where it stays, it is divided by the probability to stay.
struct DropPath {
  let maximum: Double

  /// The probability of a block's branches to be dropped.
  func probability(block: Int, of depth: Int) -> Double {
    depth > 1 ? maximum * Double(block) / Double(depth - 1) : 0
  }

  /// The factors of each block's two branches, `[2, B, 1, 1]`; nil where nothing is dropped.
  /// - Parameter samples: the samples' seeds.
  func residualScales(
    depth: Int, _ samples: [UInt64], _ random: UpdateRandom, on device: Device
  ) -> [Tensor]? {
    guard maximum > 0 else { return nil }
    let draws = random.uniform([depth, 2, 1, 1], .dropPath, samples: samples, on: device)
    return (0..<depth).map { block in
      let p = probability(block: block, of: depth)
      let isDropped = draws.selected(1, block).transposed(0, 1) .< p
      return (1 - isDropped.to(.float32)) / (1 - p)
    }
  }
}
