import Torch

/// The results of one update, for the log.
public struct UpdateResult {
  /// The losses by group, means over the accumulated batches.
  public internal(set) var losses: [String: Double] = [:]
  public internal(set) var norms: [String: Double] = [:]
  public internal(set) var figures: [String: Double] = [:]
  /// Whether all losses and gradients were finite; otherwise the rest of the update was skipped.
  public internal(set) var isFinite = true
}

/// Performs the updates of a stage: gradients, optimisers, averages.
public final class Updater {
  let stage: any TrainingStage
  let settings: TrainingRecipe.Settings
  let state: TrainingState

  /// - Throws: `TrainingError.stage` where the stage and the settings are inconsistent.
  public init(_ stage: any TrainingStage, _ settings: TrainingRecipe.Settings) throws {
    self.stage = stage
    self.settings = settings
    state = try TrainingState(stage, settings)
  }

  /// One update of every objective of the stage from the sum of the gradients over `batches`,
  /// scaled to their mean; then the averages follow.
  /// - Parameters:
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
    let random = RandomGenerator(seed: RandomStream.key(settings.seed, UInt64(step)))
    var objectives = try batches.map { try stage.objective($0, step: step, random: random) }
    var result = UpdateResult()
    while result.isFinite, let name = objectives.first?.group {
      guard objectives.count == batches.count, objectives.allSatisfy({ $0.group == name }) else {
        throw TrainingError.stage(problem: "its objectives depend on the batch")
      }
      guard let group = state.groups.first(where: { $0.name == name }) else {
        throw TrainingError.stage(problem: "an objective is for '\(name)', which is not a group")
      }
      objectives = try accumulate(objectives, group.optimizer, into: &result)
      guard result.isFinite else { break }
      try checkResources()
      let rate = (settings.learningRates[name] ?? settings.learningRate) * factor
      let norm = group.optimizer.step(learningRate: rate, clipping: settings.gradientClip)
      result.norms[name] = norm
      result.isFinite = norm.isFinite
    }
    // A loss of one group may have accumulated gradients in the parameters of another.
    for group in state.groups { clearGradients(group.optimizer) }
    state.step = step
    if result.isFinite { state.average.update(step: step) }
    return result
  }

  /// Adds up the gradients of one objective of every batch.
  /// - Returns: the objectives that follow; incomplete where a loss is not finite.
  private func accumulate(
    _ objectives: [Objective], _ optimizer: AdamW, into result: inout UpdateResult
  ) throws -> [Objective] {
    clearGradients(optimizer)
    let share = 1 / Double(objectives.count)
    var following: [Objective] = []
    for objective in objectives {
      let evaluation = try stage.policy { try objective.evaluate() }
      let value = evaluation.loss.item
      try checkResources()
      result.losses[objective.group, default: 0] += value * share
      for (name, figure) in evaluation.figures {
        result.figures[name, default: 0] += figure * share
      }
      guard value.isFinite else {
        result.isFinite = false
        return following
      }
      try (objectives.count == 1 ? evaluation.loss : evaluation.loss * share).backward()
      if let next = evaluation.next { following.append(next) }
    }
    return following
  }

  private func clearGradients(_ optimizer: AdamW) {
    for parameter in optimizer.parameters { parameter.value.clearGradient() }
  }
}
