import NSARM
import Torch

/// Runs blocks so that of each only its inputs are kept: the forward pass is outside of the graph,
/// the backward pass repeats it, with the same operations in the same arithmetic, and
/// differentiates it. A block's weights are there during these two times only.
///
/// One thread at a time uses it: the one that trains, and libtorch's while that waits for the
/// backward pass.
final class RecomputedBlocks: BlockEvaluation, @unchecked Sendable {
  private let blocks: [any BlockWeights]

  init(_ blocks: [any BlockWeights]) { self.blocks = blocks }

  func callAsFunction(
    _ inputs: BlockInputs, block index: Int, _ body: @escaping (BlockInputs) -> Tensor
  ) -> Tensor {
    let weights = blocks[index]
    let tensors = inputs.tensors
    let type = autocastType(on: inputs.x.device)
    // The result has the shape and the type of the hidden states.
    return recordingErrors(else: inputs.x) {
      try customNode(tensors + weights.leaves) {
        let values = try weights.materialized()
        return [weights.with(values) { body(inputs) }]
      } backward: { gradients in
        guard let gradient = gradients[0] else {
          return [Tensor?](repeating: nil, count: tensors.count + weights.leaves.count)
        }
        return try Self.differentiated(tensors, weights, type, gradient, body)
      }[0]
    }
  }

  /// The gradients of a block's inputs and of its leaves.
  private static func differentiated(
    _ inputs: [Tensor], _ weights: any BlockWeights, _ type: DType, _ gradient: Tensor,
    _ body: (BlockInputs) -> Tensor
  ) throws -> [Tensor?] {
    let inputs = inputs.map { leaf($0, requiresGradient: $0.requiresGradient) }
    let values = try weights.materialized().map { leaf($0, requiresGradient: true) }
    let output = withGradients {
      withAutocast(type, on: gradient.device) {
        weights.with(values) { body(BlockInputs(inputs)) }
      }
    }
    try checkResources()
    let wanted = (inputs + values).filter(\.requiresGradient)
    var found = try gradients(of: [output], weights: [gradient], with: wanted)[...]
    let ofInputs = inputs.map { $0.requiresGradient ? found.removeFirst() : nil }
    return ofInputs + (try weights.leafGradients(Array(found)))
  }

  private static func leaf(_ tensor: Tensor, requiresGradient: Bool) -> Tensor {
    let leaf = tensor.detached()
    leaf.requiresGradient = requiresGradient
    return leaf
  }
}
