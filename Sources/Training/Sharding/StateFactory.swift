import Torch

/// Makes the optimisers and averages of a run, whole or as shards.
struct StateFactory {
  private let stage: any TrainingStage
  private let settings: TrainingRecipe.Settings
  /// The ranks; nil for one process, which keeps everything.
  private let group: ProcessGroup?

  init(
    _ stage: any TrainingStage, _ settings: TrainingRecipe.Settings, _ group: ProcessGroup?
  ) {
    (self.stage, self.settings, self.group) = (stage, settings, group)
  }

  /// - Throws: `TrainingError.stage` where the stage has no blocks that could be sharded or
  ///   computed again.
  func make() throws -> (
    groups: [(name: String, optimizer: any GroupOptimizer)], average: any WeightAverages
  ) {
    let memory = settings.memory
    let averaged = stage.averagedParameters
    if memory.recomputesBlocks {
      guard let blocks = stage.blocks else {
        throw TrainingError.stage(problem: "it has no blocks, which the recipe's 'memory' is about")
      }
      if let group, memory.sharding == .parameters { return try sharded(blocks, group) }
      blocks.run(RecomputedBlocks(blocks.parameters.map(WholeWeights.init)))
    }
    guard let group, memory.sharding == .optimizer else {
      return (
        stage.parameterGroups.map { ($0.name, AdamW($0.parameters, configuration($0.name))) },
        ExponentialMovingAverage(averaged, decay: settings.emaDecay)
      )
    }
    return (
      stage.parameterGroups.map {
        ($0.name, OptimizerShards($0.parameters, configuration($0.name), group))
      },
      AverageShards(averaged, decay: settings.emaDecay, group)
    )
  }

  private func sharded(_ blocks: TrainedBlocks, _ group: ProcessGroup) throws -> (
    groups: [(name: String, optimizer: any GroupOptimizer)], average: any WeightAverages
  ) {
    let declared = stage.parameterGroups
    let averaged = Set(stage.averagedParameters.map(ObjectIdentifier.init))
    guard declared.count == 1, declared[0].name == blocks.group,
      averaged == Set(declared[0].parameters.map(ObjectIdentifier.init))
    else {
      throw TrainingError.stage(problem: "its group with blocks is not all that it averages")
    }
    let shards = ParameterShards(
      declared[0].parameters, blocks: blocks.parameters, products: stage.policy.activations,
      configuration(blocks.group), decay: settings.emaDecay, group)
    blocks.run(RecomputedBlocks(shards.blocks))
    return ([(blocks.group, shards)], shards)
  }

  private func configuration(_ group: String) -> AdamW.Configuration {
    stage.optimizer(of: group, settings.optimizer)
  }
}

extension MemorySettings.Sharding {
  /// The files of a checkpoint of which every rank writes a part.
  var files: Set<CheckpointPiece.File> {
    switch self {
    case .none: []
    case .optimizer: [.optimizer, .averages]
    case .parameters: [.parameters, .optimizer, .averages]
    }
  }
}
