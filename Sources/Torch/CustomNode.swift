import CTorch

/// A node of the graph whose forward and backward pass are closures.
///
/// `backward` may compute with the graph itself: it may enable gradients (`withGradients`), repeat
/// a forward pass and call `backward` or `gradients`. It is called with gradients disabled, in the
/// arithmetic around the call of `Tensor.backward` or `gradients`, not in that of the forward pass:
/// it enters the regions that it needs, such as a `ComputePolicy`. On a GPU it runs on a thread of
/// libtorch's. The closure is released with the graph, whether it was called or not.
/// - Parameters:
///   - inputs: the tensors that gradients flow to.
///   - forward: the outputs, computed outside of the graph.
///   - backward: takes the gradients of the outputs, nil for those that the loss does not depend
///     on, and gives those of the inputs, nil for none. What it throws, `Tensor.backward` and
///     `gradients` throw.
/// - Returns: the outputs as parts of the graph; as they are where no input needs a gradient or
///   gradients are disabled.
/// - Throws: what `forward` throws.
public func customNode(
  _ inputs: [Tensor], forward: () throws -> [Tensor],
  backward: @escaping (_ gradients: [Tensor?]) throws -> [Tensor?]
) throws -> [Tensor] {
  let outputs = try withoutGradients(forward)
  let node = NodeClosure(backward, inputCount: inputs.count, outputCount: outputs.count)
  let closure = ct_closure(
    context: Unmanaged.passRetained(node).toOpaque(),
    backward: { context, gradients, results in
      let node = Unmanaged<NodeClosure>.fromOpaque(context!).takeUnretainedValue()
      return node.run(gradients!, results!)
    },
    release: { Unmanaged<NodeClosure>.fromOpaque($0!).release() },
    release_error: { Unmanaged<ErrorBox>.fromOpaque($0!).release() })
  var results = [ct_tensor?](repeating: nil, count: outputs.count)
  try withExtendedLifetime((inputs, outputs)) {
    try check(
      ct_custom_node(
        inputs.map { Optional($0.handle) }, Int32(inputs.count),
        outputs.map { Optional($0.handle) }, Int32(outputs.count), closure, &results))
  }
  return results.map { Tensor(owning: $0!) }
}

/// The backward pass of a node as an object that the graph keeps.
private final class NodeClosure {
  private let backward: ([Tensor?]) throws -> [Tensor?]
  private let inputCount, outputCount: Int

  init(
    _ backward: @escaping ([Tensor?]) throws -> [Tensor?], inputCount: Int, outputCount: Int
  ) {
    self.backward = backward
    self.inputCount = inputCount
    self.outputCount = outputCount
  }

  /// - Returns: nil, or a retained `ErrorBox`.
  func run(
    _ gradients: UnsafePointer<ct_tensor?>, _ results: UnsafeMutablePointer<ct_tensor?>
  ) -> UnsafeMutableRawPointer? {
    do {
      let given = (0..<outputCount).map { gradients[$0].map(Tensor.init(owning:)) }
      // A region of its own, since the thread may be one that has none.
      let made = try throwingResourceErrors { try backward(given) }
      precondition(made.count == inputCount, "\(made.count) gradients for \(inputCount) inputs")
      for (index, gradient) in made.enumerated() {
        results[index] = gradient.map { ct_tensor_retain($0.handle) }
      }
      return nil
    } catch {
      return Unmanaged.passRetained(ErrorBox(error)).toOpaque()
    }
  }
}

private final class ErrorBox {
  let error: any Error
  init(_ error: any Error) { self.error = error }
}

/// Throws what a backward pass failed with: a closure's own error, or a message of the C interface.
func checkPass(_ message: ct_message?) throws {
  guard let message else { return }
  if ct_last_error_kind() == Int32(CT_CLOSURE_FAILED.rawValue), let error = ct_take_closure_error()
  {
    ct_free_message(message)
    throw Unmanaged<ErrorBox>.fromOpaque(error).takeRetainedValue().error
  }
  try checkGroup(message)
}
