import Torch

/// Exponential moving averages of weights as one rank keeps them. Where there are several ranks,
/// they call the same methods in the same order.
protocol WeightAverages: AnyObject {
  var parameters: [Parameter] { get }
  /// Follows the weights after update number `step`, as `ExponentialMovingAverage.update`.
  func update(step: Int)
  /// Runs `body`, which computes with the model, with the averages in place of the weights.
  func withAverages<Result>(_ body: () throws -> Result) throws -> Result
  /// Runs `body`, which writes the model, on rank 0 with whole averages in place of the weights, on
  /// the others with values of no use.
  func exporting(_ body: () throws -> Void) throws
  /// What checkpoints keep.
  var averagePieces: [CheckpointPiece] { get }
}

extension ExponentialMovingAverage: WeightAverages {
  func exporting(_ body: () throws -> Void) throws { try withAverages(body) }

  var averagePieces: [CheckpointPiece] {
    zip(parameters, averages).map { CheckpointPiece(.averages, $0.name, $1) }
  }
}

/// Averages of which every rank keeps a part, of weights that every rank has.
final class AverageShards: WeightAverages {
  let parameters: [Parameter]
  private let decay: Double
  private let group: ProcessGroup
  private let layout: FlatLayout
  private let slices: [FlatLayout.Slice]
  private let averages: [Tensor]

  init(_ parameters: [Parameter], decay: Double, _ group: ProcessGroup) {
    self.parameters = parameters
    self.decay = decay
    self.group = group
    layout = FlatLayout(shapes: parameters.map(\.value.shape), ranks: group.size)
    slices = layout.slices(of: group.rank)
    averages = slices.map { $0.view(inTensor: parameters[$0.index].value).cloned() }
  }

  func update(step: Int) {
    guard !slices.isEmpty else { return }
    let weights = slices.map { $0.view(inTensor: parameters[$0.index].value) }
    lerpInPlace(
      averages, to: weights, rate: ExponentialMovingAverage.rate(step: step, decay: decay))
  }

  func withAverages<Result>(_ body: () throws -> Result) throws -> Result {
    let whole = parameters.map { Tensor.empty($0.value.shape, on: $0.value.device) }
    for (slice, average) in zip(slices, averages) {
      slice.view(inTensor: whole[slice.index]).copyInPlace(average)
    }
    try group.complete(whole, layout)
    return try WholeWeights(parameters).with(whole, body)
  }

  func exporting(_ body: () throws -> Void) throws {
    try withAverages(body)
  }

  /// The number of elements of the averages.
  var elementCount: Int { averages.reduce(0) { $0 + $1.count } }

  var averagePieces: [CheckpointPiece] {
    zip(slices, averages).map {
      CheckpointPiece(
        .averages, parameters[$0.index].name, $1, elements: $0.elements,
        of: layout.counts[$0.index])
    }
  }
}
