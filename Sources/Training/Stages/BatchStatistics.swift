import Torch

/// Statistics over all samples of a backward pass, which the processes of a group share.
struct BatchStatistics {
  let group: ProcessGroup?

  /// The mean over all processes of a mean over the samples of this one. Its gradient is that of
  /// this process's part alone, which is the right one where gradients are averaged over processes.
  func mean(_ local: Tensor) throws -> Tensor {
    guard let group else { return local }
    return try group.mean(local.detached()) + (local - local.detached())
  }

  /// The length of a vector of which every process has a part, one element outside the graph.
  func norm(_ part: Tensor) throws -> Tensor {
    guard let group else { return part.norm() }
    let square = part.detached().norm().square()
    try group.sum([square])
    return square.sqrt()
  }
}
