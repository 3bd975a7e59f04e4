import Torch

/// AdamW whose moments are divided among the ranks (ZeRO-1, Rajbhandari et al., 2020). Every rank
/// has all weights and all gradients, averaged; it updates the elements whose moments it has, and
/// gathers those of the others.
final class OptimizerShards: GroupOptimizer {
  let parameters: [Parameter]
  private let group: ProcessGroup
  private let layout: FlatLayout
  private let slices: [FlatLayout.Slice]
  let moments: SlicedAdamW

  init(_ parameters: [Parameter], _ configuration: AdamW.Configuration, _ group: ProcessGroup) {
    self.parameters = parameters
    self.group = group
    layout = FlatLayout(shapes: parameters.map(\.value.shape), ranks: group.size)
    slices = layout.slices(of: group.rank)
    let pieces = slices.map { [layout] slice in
      SlicedAdamW.Piece(
        name: parameters[slice.index].name, elements: slice.elements,
        count: layout.counts[slice.index])
    }
    moments = SlicedAdamW(pieces, configuration, on: parameters[0].value.device)
  }

  var leaves: [Tensor] { parameters.map(\.value) }
  var replicated: [Tensor] { leaves }
  var averagesGradients: Bool { false }
  func withWeights<Result>(_ body: () throws -> Result) throws -> Result { try body() }

  func step(
    learningRate: Double, clipping: Double?, agreed: (Double) throws -> Double
  ) throws -> Double {
    defer { clearGradients() }
    return try withoutGradients {
      let gradients = parameters.map(\.value.gradient)
      guard gradients.contains(where: { $0 != nil }) else { return 0 }
      let norm = try agreed(globalNorm(gradients.compactMap(\.self)))
      guard norm.isFinite else { return norm }
      let active = slices.indices.filter { gradients[slices[$0].index] != nil }
      let own = active.map { slices[$0].elements(of: gradients[slices[$0].index]!) }
      if let clipping, norm > clipping, !own.isEmpty { scaleInPlace(own, by: clipping / norm) }
      let values = active.map { slices[$0].view(inTensor: parameters[slices[$0].index].value) }
      moments.update(active, values: values, gradients: own, learningRate: learningRate)
      try group.complete(parameters.map { $0.value.detached() }, layout)
      return norm
    }
  }

  var statePieces: [CheckpointPiece] {
    parameters.map { CheckpointPiece(.parameters, $0.name, $0.value.detached()) }
      + moments.checkpointPieces
  }
}
