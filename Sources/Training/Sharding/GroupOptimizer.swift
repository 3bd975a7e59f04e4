import Torch

/// The weights of a parameter group as one rank keeps and updates them: all of them, or shards.
/// Where there are several ranks, they call the same methods in the same order.
protocol GroupOptimizer: AnyObject {
  /// The leaves of the graph that collect the group's gradients.
  var leaves: [Tensor] { get }
  /// Tensors that every rank has, and that are the same on all of them.
  var replicated: [Tensor] { get }
  /// Whether backward passes average the gradients over the ranks by themselves; else a
  /// `GradientReducer` of the leaves has to.
  var averagesGradients: Bool { get }
  func clearGradients()
  /// Runs `body`, a forward pass, with the group's weights in place.
  func withWeights<Result>(_ body: () throws -> Result) throws -> Result
  /// One update from the accumulated gradients, which are cleared, as by `AdamW.step`.
  /// - Parameter agreed: gives the norm that counts for the one that a rank computed.
  /// - Returns: the norm of the gradients before clipping.
  func step(
    learningRate: Double, clipping: Double?, agreed: (Double) throws -> Double
  ) throws -> Double
  /// What checkpoints keep of the weights and of the optimiser.
  var statePieces: [CheckpointPiece] { get }
}

extension GroupOptimizer {
  func clearGradients() { for leaf in leaves { leaf.clearGradient() } }
}

extension AdamW: GroupOptimizer {
  var leaves: [Tensor] { parameters.map(\.value) }
  var replicated: [Tensor] { leaves }
  var averagesGradients: Bool { false }
  func withWeights<Result>(_ body: () throws -> Result) throws -> Result { try body() }

  var statePieces: [CheckpointPiece] {
    parameters.map { CheckpointPiece(.parameters, $0.name, $0.value.detached()) }
      + state.map { CheckpointPiece(.optimizer, $0.key, $0.value) }
  }
}
