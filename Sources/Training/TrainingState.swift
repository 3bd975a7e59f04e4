import Foundation
import Torch

/// The state of a run that changes with every update, apart from the stage itself.
final class TrainingState {
  let groups: [(name: String, optimizer: any GroupOptimizer)]
  let average: any WeightAverages
  /// The files of a checkpoint of which every rank writes a part.
  let shardedFiles: Set<CheckpointPiece.File>
  /// Averaged parameters that no group updates, and the stage's buffers.
  let fixed: [Parameter]
  /// The number of finished updates.
  var step = 0
  /// The seconds of training in all runs so far.
  var seconds = 0.0
  /// The arithmetic of the updates before the last checkpoint, such as "bfloat16 on cpu".
  var computed: String?
  /// The number of ranks of the updates before the last checkpoint.
  var ranks = 1
  /// The number of the last checkpoint's update, which ranks without the run's folder know, too.
  var saved: Int?

  /// - Parameter group: the processes that train together; nil for this one alone.
  /// - Throws: `TrainingError.stage` where names or groups are inconsistent.
  init(
    _ stage: any TrainingStage, _ settings: TrainingRecipe.Settings, group: ProcessGroup? = nil
  ) throws {
    let declared = stage.parameterGroups
    guard !declared.isEmpty, declared.allSatisfy({ !$0.parameters.isEmpty }) else {
      throw TrainingError.stage(problem: "it has no parameters to train")
    }
    var names: Set<String> = []
    for group in declared {
      for parameter in group.parameters {
        guard names.insert(group.name + "/" + parameter.name).inserted else {
          throw TrainingError.stage(
            problem: "'\(parameter.name)' appears twice in group '\(group.name)'")
        }
        guard parameter.value.requiresGradient, parameter.value.dtype == .float32 else {
          throw TrainingError.stage(
            problem: "'\(parameter.name)' is not a float32 leaf that requires gradients")
        }
      }
    }
    guard Set(declared.map(\.name)).count == declared.count else {
      throw TrainingError.stage(problem: "two parameter groups have the same name")
    }
    let averaged = stage.averagedParameters
    guard Set(averaged.map(\.name)).count == averaged.count else {
      throw TrainingError.stage(problem: "two averaged parameters have the same name")
    }
    if let unknown = settings.learningRates.keys.first(where: { key in
      !declared.contains { $0.name == key }
    }) {
      throw TrainingError.stage(
        problem: "the recipe gives a learning rate for '\(unknown)', but the groups are "
          + declared.map(\.name).joined(separator: ", "))
    }
    let trained = Set(declared.flatMap(\.parameters).map(ObjectIdentifier.init))
    fixed = averaged.filter { !trained.contains(ObjectIdentifier($0)) } + stage.buffers
    (groups, average) = try StateFactory(stage, settings, group).make()
    shardedFiles = group == nil ? [] : settings.memory.sharding.files
  }

  /// A note for a run that continues in a different arithmetic, for example on another kind of
  /// machine; nil where it does not.
  func change(to policy: ComputePolicy) -> String? {
    guard let computed, computed != policy.title else { return nil }
    return "computed in \(computed) so far, continues in \(policy.title) (\(policy.reason)); "
      + "the run no longer gives the same bits"
  }

  /// A note for a run that continues with another number of ranks; nil where it does not.
  func change(toRanks count: Int) -> String? {
    guard ranks != count else { return nil }
    return
      "continues with \(count) \(count == 1 ? "rank" : "ranks"), \(ranks) before; sums are taken "
      + "in another order, so the run no longer gives the same bits"
  }

  /// What a checkpoint keeps, as far as this rank has it, in the order of files and names.
  var pieces: [CheckpointPiece] {
    var pieces: [CheckpointPiece] = []
    for group in groups {
      pieces += group.optimizer.statePieces.map { $0.prefixed(group.name + "/") }
    }
    pieces += fixed.map { CheckpointPiece(.parameters, "/" + $0.name, $0.value.detached()) }
    pieces += average.averagePieces
    return pieces.sorted { ($0.file.rawValue, $0.name) < ($1.file.rawValue, $1.name) }
  }
}
