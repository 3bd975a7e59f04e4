import NSARM
import Torch

/// The blocks of a network that a stage trains: alike, and run one after the other.
public struct TrainedBlocks {
  /// The parameter group that they belong to. It is the one that is averaged.
  let group: String
  /// The parameters of each block.
  let parameters: [[Parameter]]
  /// Sets how blocks are run from now on.
  let run: (any BlockEvaluation) -> Void
}
