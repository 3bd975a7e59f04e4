import CTorch

/// Why processes could not compute together: one line, which names the rank that is gone or silent
/// where that can be told.
public struct ProcessGroupError: Error, CustomStringConvertible {
  public let description: String
}

/// A group of processes that compute together (c10d): Gloo on CPUs, NCCL on GPUs.
///
/// All processes of a group call the same methods in the same order, one thread at a time. Tensors
/// have the same shapes and element types everywhere. After an error the group is of no use any
/// more: each further call throws that error again.
public final class ProcessGroup: Sendable {
  public enum Backend: String, Sendable {
    case gloo, nccl
  }

  public let rank, size: Int
  nonisolated(unsafe) let handle: ct_group

  /// Waits until all processes of `environment` are there.
  /// - Parameters:
  ///   - device: the device of the tensors; others are copied to it and back where the backend
  ///     cannot reach them.
  ///   - timeout: the longest wait for the others, here and in every method.
  /// - Throws: `ProcessGroupError`, also where this libtorch lacks the backend.
  public init(
    _ environment: LaunchEnvironment, backend: Backend, device: Device, timeout: Duration
  ) throws {
    rank = environment.rank
    size = environment.worldSize
    var result: ct_group?
    try environment.masterAddress.withCString { host in
      var launch = ct_launch(
        rank: Int32(environment.rank), size: Int32(environment.worldSize), host: host,
        port: Int32(environment.masterPort), agent_store: environment.usesAgentStore,
        restart_count: Int32(environment.restartCount))
      try checkGroup(
        ct_group_create(
          &launch, backend.rawValue, device.description, timeout.seconds, &result))
    }
    handle = result!
  }

  deinit { ct_group_release(handle) }

  /// Replaces each tensor by its sum over all ranks, which is the same everywhere bit for bit.
  /// - Throws: `ProcessGroupError`, like all methods.
  public func sum(_ tensors: [Tensor]) throws {
    try checkResources()
    try withExtendedLifetime(tensors) {
      try checkGroup(
        ct_group_sum(handle, tensors.map { Optional($0.handle) }, Int32(tensors.count)))
    }
  }

  /// The mean of a tensor of floating point over all ranks, outside of the graph.
  public func mean(_ tensor: Tensor) throws -> Tensor {
    let result = tensor.detached().cloned()
    try sum([result])
    return result / Double(size)
  }

  /// Replaces each tensor by that of rank `root`.
  public func broadcast(_ tensors: [Tensor], from root: Int) throws {
    precondition((0..<size).contains(root), "rank \(root) of \(size)")
    try checkResources()
    try withExtendedLifetime(tensors) {
      try checkGroup(
        ct_group_broadcast(
          handle, tensors.map { Optional($0.handle) }, Int32(tensors.count), Int32(root)))
    }
  }

  /// Sums over all ranks; each keeps its part.
  ///
  /// # Shapes
  /// `input` has `size` times the elements of `output`; rank r gets the r-th part of the sum in
  /// row-major order. Both are contiguous.
  public func reduceScatter(_ input: Tensor, into output: Tensor) throws {
    precondition(input.count == size * output.count, "\(input.shape) to \(output.shape)")
    try checkResources()
    try checkGroup(ct_group_reduce_scatter(handle, input.handle, output.handle))
  }

  /// Puts the parts of all ranks together, in the order of the ranks.
  ///
  /// # Shapes
  /// `output` has `size` times the elements of `input`. Both are contiguous.
  public func allGather(_ input: Tensor, into output: Tensor) throws {
    precondition(output.count == size * input.count, "\(input.shape) to \(output.shape)")
    try checkResources()
    try checkGroup(ct_group_all_gather(handle, input.handle, output.handle))
  }

  /// Waits until all ranks are here.
  public func barrier() throws { try checkGroup(ct_group_barrier(handle)) }

  /// The bytes of tensors that this rank has sent, by the volume of the backend's algorithms: of a
  /// sum of B bytes over n ranks 2 (n − 1) / n · B.
  public var bytesSent: Int { Int(ct_group_bytes_sent(handle)) }
}

/// Throws the first line of a message of the C interface, if there is one.
func checkGroup(_ message: ct_message?) throws {
  guard let message else { return }
  guard ct_last_error_kind() == Int32(CT_GROUP_FAILED.rawValue) else { throw TorchError(message) }
  throw ProcessGroupError(description: text(of: message))
}
