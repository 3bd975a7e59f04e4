import Torch

/// The results of one update, for the log.
public struct UpdateResult {
  /// The losses by group, means over the accumulated batches of all ranks.
  public internal(set) var losses: [String: Double] = [:]
  public internal(set) var norms: [String: Double] = [:]
  public internal(set) var figures: [String: Double] = [:]
  /// Whether all losses and gradients were finite; otherwise the rest of the update was skipped.
  public internal(set) var isFinite = true
}

/// Performs the updates of a stage: gradients, optimisers, averages.
///
/// Several ranks compute the mean gradient of all their samples, and then the same update of the
/// same parameters.
public final class Updater {
  let stage: any TrainingStage
  let settings: TrainingRecipe.Settings
  let state: TrainingState
  private let ranks: Ranks
  /// What averages the gradients of each group over the ranks, by the group's name.
  private let reducers: [String: GradientReducer]

  /// - Parameter group: the processes that train together; nil for this one alone.
  /// - Throws: `TrainingError.stage` where the stage and the settings are inconsistent;
  ///   `ProcessGroupError` where another rank is gone.
  public init(
    _ stage: any TrainingStage, _ settings: TrainingRecipe.Settings, group: ProcessGroup? = nil
  ) throws {
    self.stage = stage
    self.settings = settings
    let state = try TrainingState(stage, settings, group: group)
    self.state = state
    ranks = Ranks(group, on: stage.policy.device)
    var reducers: [String: GradientReducer] = [:]
    if let group {
      for (name, optimizer) in state.groups where !optimizer.averagesGradients {
        reducers[name] = try GradientReducer(optimizer.leaves, group)
      }
    }
    self.reducers = reducers
  }

  /// One update of every objective of the stage from the sum of the gradients over `batches`,
  /// scaled to their mean; then the averages follow.
  /// - Parameters:
  ///   - batches: this rank's parts of the batches, as large and as many on every rank.
  ///   - step: the number of the update, from 1, which keys all random numbers.
  ///   - factor: multiplies the learning rates.
  /// - Throws: the errors of objectives and of resources; the state may then be that of an
  ///   incomplete update.
  public func update(_ batches: [TrainingBatch], step: Int, factor: Double = 1) throws
    -> UpdateResult
  {
    try throwingResourceErrors { try updated(batches, step, factor) }
  }

  private func updated(_ batches: [TrainingBatch], _ step: Int, _ factor: Double) throws
    -> UpdateResult
  {
    let random = UpdateRandom(seed: settings.seed, step: step)
    var objectives = try batches.map { try stage.objective($0, step: step, random: random) }
    var result = UpdateResult()
    while result.isFinite, let name = objectives.first?.group {
      guard objectives.count == batches.count, objectives.allSatisfy({ $0.group == name }) else {
        throw TrainingError.stage(problem: "its objectives depend on the batch")
      }
      guard let group = state.groups.first(where: { $0.name == name }) else {
        throw TrainingError.stage(problem: "an objective is for '\(name)', which is not a group")
      }
      objectives = try accumulate(objectives, group, into: &result)
      guard result.isFinite else { break }
      try checkResources()
      let rate = (settings.learningRates[name] ?? settings.learningRate) * factor
      // Ranks with another number of threads add in another order, and must not clip differently.
      let norm = try group.optimizer.step(learningRate: rate, clipping: settings.gradientClip) {
        try ranks.ofFirst($0)
      }
      result.norms[name] = norm
      result.isFinite = norm.isFinite
    }
    // A loss of one group may have accumulated gradients in the parameters of another.
    for group in state.groups { group.optimizer.clearGradients() }
    state.step = step
    if result.isFinite { state.average.update(step: step) }
    return result
  }

  /// Adds up the gradients of one objective of every batch. The backward pass of the last one ends
  /// with the averages over the ranks; nothing but losses and figures is sent before.
  /// - Returns: the objectives that follow; incomplete where a loss is not finite.
  private func accumulate(
    _ objectives: [Objective], _ group: (name: String, optimizer: any GroupOptimizer),
    into result: inout UpdateResult
  ) throws -> [Objective] {
    group.optimizer.clearGradients()
    let share = 1 / Double(objectives.count)
    var following: [Objective] = []
    for (index, objective) in objectives.enumerated() {
      let evaluation = try stage.policy {
        try group.optimizer.withWeights { try objective.evaluate() }
      }
      let own = evaluation.loss.item
      try checkResources()
      let (value, figures) = try ranks.means(own, evaluation.figures)
      result.losses[group.name, default: 0] += value * share
      for (name, figure) in figures { result.figures[name, default: 0] += figure * share }
      guard value.isFinite else {
        result.isFinite = false
        return following
      }
      let loss = objectives.count == 1 ? evaluation.loss : evaluation.loss * share
      if index == objectives.count - 1 { try reducers[group.name]?.prepare(loss) }
      try loss.backward()
      if let next = evaluation.next { following.append(next) }
    }
    return following
  }
}
