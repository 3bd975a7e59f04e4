import Torch

/// A way to run the blocks of a transformer, in place of calling them: with their activations
/// computed again in the backward pass, or with weights that are there for that time only.
package protocol BlockEvaluation: Sendable {
  /// The result of block `index`, `[B, L, C]`.
  /// - Parameters:
  ///   - inputs: everything in the graph that the block reads, apart from its parameters.
  ///   - body: runs the block with inputs of the same shapes and the parameters' present values. It
  ///     may be called again at the time of the backward pass, if there is one.
  func callAsFunction(
    _ inputs: BlockInputs, block index: Int, _ body: @escaping (BlockInputs) -> Tensor
  ) -> Tensor
}

/// The tensors that a block of the transformer reads.
package struct BlockInputs {
  /// Hidden states, `[B, L, C]`.
  package var x: Tensor
  /// The modulations shared by all blocks, `[B, 1, 6, C]`.
  package var shared: Tensor
  /// Features of the text, `[B, n, C]`; nil without cross-attention.
  package var features: Tensor?

  package init(x: Tensor, shared: Tensor, features: Tensor?) {
    self.x = x
    self.shared = shared
    self.features = features
  }

  /// The tensors in a list, for a node of the graph.
  package var tensors: [Tensor] { [x, shared] + (features.map { [$0] } ?? []) }

  /// - Parameter tensors: as `tensors` gives them.
  package init(_ tensors: [Tensor]) {
    self.init(x: tensors[0], shared: tensors[1], features: tensors.count > 2 ? tensors[2] : nil)
  }
}
