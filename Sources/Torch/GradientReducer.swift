import CTorch

/// Averages gradients over the ranks of a group while the backward pass still runs (c10d's Reducer,
/// the core of DistributedDataParallel; Li et al., 2020).
///
/// Parameters are put into buckets in the reverse of their order, since gradients come in that
/// order. A bucket is sent as soon as it is complete. A parameter that the loss of no rank depends
/// on keeps its gradient, which may be none.
///
///     reducer.prepare(loss)
///     try loss.backward()
public final class GradientReducer {
  private let handle: ct_reducer
  // The C++ object refers to both.
  private let group: ProcessGroup
  private let parameters: [Tensor]

  /// - Parameters:
  ///   - parameters: leaves of the graph that collect gradients, the same on all ranks.
  ///   - bucketBytes: the size of a bucket; the first one is at most 1 MiB.
  /// - Throws: `ProcessGroupError`, also where the shapes differ between ranks.
  public init(_ parameters: [Tensor], _ group: ProcessGroup, bucketBytes: Int = 25 << 20) throws {
    self.group = group
    self.parameters = parameters
    precondition(parameters.allSatisfy(\.requiresGradient), "parameters without gradients")
    var result: ct_reducer?
    try withExtendedLifetime(parameters) {
      try checkGroup(
        ct_reducer_create(
          parameters.map { Optional($0.handle) }, Int32(parameters.count), group.handle,
          Int64(bucketBytes), &result))
    }
    handle = result!
  }

  deinit { ct_reducer_release(handle) }

  /// Lets the backward pass of `loss`, which follows, end with the averages over all ranks of the
  /// gradients, those that were accumulated before included. Without this call a backward pass adds
  /// to this rank's gradients alone, and nothing is sent.
  ///
  /// `backward` throws `ProcessGroupError` where another rank is gone.
  public func prepare(_ loss: Tensor) throws {
    try checkResources()
    try checkGroup(ct_reducer_prepare(handle, loss.handle))
  }
}
