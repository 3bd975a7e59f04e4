import Torch

/// Weights, gradients, moments and averages of a group that are divided among the ranks (ZeRO-3,
/// Rajbhandari et al., 2020), block by block. Each block's weights are gathered for its forward
/// pass and again for its backward pass; those outside of blocks are gathered once per pass.
final class ParameterShards: GroupOptimizer, WeightAverages {
  let parameters: [Parameter]
  /// The blocks' weights, for `RecomputedBlocks`.
  let blocks: [ShardedWeights]
  private let rest: ShardedWeights
  private let group: ProcessGroup
  private let decay: Double
  /// This rank's pieces of all units, and the parameter of each.
  private let shards: [ShardedWeights.Piece]
  private let indices: [Int]
  let moments: SlicedAdamW

  /// - Parameters:
  ///   - parameters: all of the group; placeholders afterwards.
  ///   - blocks: those of each block.
  ///   - type: the element type of matrix products.
  ///   - decay: of the averages.
  init(
    _ parameters: [Parameter], blocks: [[Parameter]], products type: DType,
    _ configuration: AdamW.Configuration, decay: Double, _ group: ProcessGroup
  ) {
    self.parameters = parameters
    self.group = group
    self.decay = decay
    let device = parameters[0].value.device
    let inBlocks = Set(blocks.joined().map(ObjectIdentifier.init))
    let counts = parameters.map(\.value.count)
    self.blocks = blocks.map { ShardedWeights($0, products: type, group) }
    rest = ShardedWeights(
      parameters.filter { !inBlocks.contains(ObjectIdentifier($0)) }, products: type, group)
    let place = Dictionary(
      uniqueKeysWithValues: parameters.enumerated().map { (ObjectIdentifier($1), $0) })
    let found = (self.blocks + [rest]).flatMap { unit in
      unit.pieces.map { (place[ObjectIdentifier(unit.parameters[$0.index])]!, $0) }
    }
    (indices, shards) = (found.map(\.0), found.map(\.1))
    let pieces = found.map { index, piece in
      SlicedAdamW.Piece(
        name: parameters[index].name, elements: piece.elements, count: counts[index])
    }
    moments = SlicedAdamW(pieces, configuration, on: device)
  }

  private var units: [ShardedWeights] { blocks + [rest] }

  // MARK: Weights

  var leaves: [Tensor] { units.flatMap(\.leaves) }
  var replicated: [Tensor] { [] }
  var averagesGradients: Bool { true }

  func clearGradients() {
    for leaf in leaves { leaf.clearGradient() }
    for unit in units { unit.clearUse() }
  }

  func withWeights<Result>(_ body: () throws -> Result) throws -> Result {
    let values = try customNode(rest.leaves) { [rest] in
      // Tensors of their own: outputs of a node must not be views of one another.
      try rest.materialized().map { $0.cloned() }
    } backward: { [rest] in
      try rest.leafGradients($0)
    }
    return try rest.with(values, body)
  }

  // MARK: Updates

  func step(
    learningRate: Double, clipping: Double?, agreed: (Double) throws -> Double
  ) throws -> Double {
    defer { clearGradients() }
    return try withoutGradients {
      let used = try usedParameters()
      let active = shards.indices.filter { used[indices[$0]] }
      let gradients = active.map { shards[$0].gradient() }
      let norm = try agreed(self.norm(of: gradients))
      guard norm.isFinite else { return norm }
      if let clipping, norm > clipping, !gradients.isEmpty {
        scaleInPlace(gradients, by: clipping / norm)
      }
      moments.update(
        active, values: active.map { shards[$0].master }, gradients: gradients,
        learningRate: learningRate)
      return norm
    }
  }

  /// Whether the loss of any rank depends on a parameter, by parameter.
  private func usedParameters() throws -> [Bool] {
    var used: Set<ObjectIdentifier> = []
    for unit in units {
      for (parameter, isUsed) in zip(unit.parameters, unit.isUsed) where isUsed {
        used.insert(ObjectIdentifier(parameter))
      }
    }
    let flags = parameters.map { used.contains(ObjectIdentifier($0)) ? 1 : 0 as Float }
    let sums = Tensor(flags).to(moments.device)
    try group.sum([sums])
    return sums.floats.map { $0 > 0 }
  }

  /// The norm of the gradients of all ranks' shards.
  private func norm(of gradients: [Tensor]) throws -> Double {
    let own = gradients.isEmpty ? 0 : globalNorm(gradients)
    let sum = Tensor([own * own]).to(moments.device)
    try group.sum([sum])
    return sum.item.squareRoot()
  }

  // MARK: Averages

  func update(step: Int) {
    let rate = ExponentialMovingAverage.rate(step: step, decay: decay)
    for unit in units { unit.average(rate: rate) }
  }

  func withAverages<Result>(_ body: () throws -> Result) throws -> Result {
    for unit in units { unit.readsAverages = true }
    defer { for unit in units { unit.readsAverages = false } }
    return try withoutGradients { try rest.with(try rest.materialized(), body) }
  }

  /// Rank 0 keeps the averages in the element types of model folders, in the machine's memory.
  func exporting(_ body: () throws -> Void) throws {
    for unit in units { unit.readsAverages = true }
    defer { for unit in units { unit.readsAverages = false } }
    var whole: [(ShardedWeights, [Tensor])] = []
    for unit in units {
      let values = try withoutGradients { try unit.materialized() }
      guard group.rank == 0 else { continue }
      whole.append(
        (unit, zip(unit.parameters, values).map { $1.to($0.role.storage).to(.cpu).cloned() }))
    }
    let present = parameters.map(\.value)
    defer { for (parameter, value) in zip(parameters, present) { parameter.value = value } }
    for (unit, values) in whole {
      for (parameter, value) in zip(unit.parameters, values) { parameter.value = value }
    }
    try body()
  }

  // MARK: Checkpoints

  /// The number of elements of masters, averages and moments, and as many gradients as masters.
  var elementCount: Int {
    3 * units.reduce(0) { $0 + $1.elementCount } + moments.elementCount
  }

  var statePieces: [CheckpointPiece] {
    pieces(.parameters, \.master) + moments.checkpointPieces
  }

  var averagePieces: [CheckpointPiece] { pieces(.averages, \.average) }

  private func pieces(
    _ file: CheckpointPiece.File, _ tensor: (ShardedWeights.Piece) -> Tensor
  ) -> [CheckpointPiece] {
    zip(shards, moments.pieces).map { shard, piece in
      CheckpointPiece(
        file, piece.name, tensor(shard), elements: piece.elements, of: piece.count)
    }
  }
}
