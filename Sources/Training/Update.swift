import Torch

/// What one update did, for the log.
public struct UpdateResult {
  /// By group; the mean over the accumulated batches.
  public internal(set) var losses: [String: Double] = [:]
  public internal(set) var norms: [String: Double] = [:]
  public internal(set) var figures: [String: Double] = [:]
  /// Whether all losses and gradients were finite; if not, the rest of the update was skipped.
  public internal(set) var isFinite = true
}

/// The updates of a stage: gradients, optimisers, averages.
public final class Updater {
  let stage: any TrainingStage
  let settings: TrainingRecipe.Settings
  let state: TrainingState

  /// - Throws: `TrainingError.stage` where the stage and the settings do not fit together.
  public init(_ stage: any TrainingStage, _ settings: TrainingRecipe.Settings) throws {
    self.stage = stage
    self.settings = settings
    state = try TrainingState(stage, settings)
  }

  /// One update of every objective of the stage from the sum of the gradients over `batches`,
  /// scaled to their mean; then the averages follow.
  /// - Parameters:
  ///   - step: the number of the update, from 1, which keys what is drawn.
  ///   - factor: on the learning rates.
  /// - Throws: what an objective throws, errors of resources; the state may then be that of half an
  ///   update.
  public func update(_ batches: [TrainingBatch], step: Int, factor: Double = 1) throws
    -> UpdateResult
  {
    try throwingResourceErrors { try updated(batches, step, factor) }
  }

  private func updated(_ batches: [TrainingBatch], _ step: Int, _ factor: Double) throws
    -> UpdateResult
  {
    let random = RandomGenerator(seed: RandomStream.key(settings.seed, UInt64(step)))
    let objectives = try batches.map { try stage.objectives($0, step: step, random: random) }
    let count = objectives[0].count
    guard objectives.allSatisfy({ $0.count == count }) else {
      throw TrainingError.stage(problem: "its objectives depend on the batch")
    }
    var result = UpdateResult()
    for index in 0..<count where result.isFinite {
      let name = objectives[0][index].group
      guard let group = state.groups.first(where: { $0.name == name }) else {
        throw TrainingError.stage(problem: "an objective is for '\(name)', which is no group")
      }
      try accumulate(objectives.map { $0[index] }, group.optimizer, into: &result)
      guard result.isFinite else { break }
      try checkResources()
      let rate = (settings.learningRates[name] ?? settings.learningRate) * factor
      let norm = group.optimizer.step(learningRate: rate, clipping: settings.gradientClip)
      result.norms[name] = norm
      result.isFinite = norm.isFinite
    }
    // A loss of one group may have reached the parameters of another.
    for group in state.groups { clearGradients(group.optimizer) }
    state.step = step
    if result.isFinite { state.average.update(step: step) }
    return result
  }

  private func accumulate(
    _ objectives: [Objective], _ optimizer: AdamW, into result: inout UpdateResult
  ) throws {
    clearGradients(optimizer)
    let share = 1 / Double(objectives.count)
    for objective in objectives {
      let (loss, figures) = try stage.policy { try objective.loss() }
      let value = loss.item
      try checkResources()
      result.losses[objective.group, default: 0] += value * share
      for (name, figure) in figures { result.figures[name, default: 0] += figure * share }
      guard value.isFinite else {
        result.isFinite = false
        return
      }
      try (objectives.count == 1 ? loss : loss * share).backward()
    }
  }

  private func clearGradients(_ optimizer: AdamW) {
    for parameter in optimizer.parameters { parameter.value.clearGradient() }
  }
}
