import Foundation
import Torch

/// The state of a run that changes with every update, apart from the stage itself.
final class TrainingState {
  let groups: [(name: String, optimizer: AdamW)]
  let average: ExponentialMovingAverage
  /// Averaged parameters that no group updates, and the stage's buffers.
  let fixed: [Parameter]
  /// The number of finished updates.
  var step = 0
  /// The seconds of training in all runs so far.
  var seconds = 0.0
  /// The arithmetic of the updates before the last checkpoint, such as "bfloat16 on cpu".
  var computed: String?

  /// - Throws: `TrainingError.stage` where names or groups are inconsistent.
  init(_ stage: any TrainingStage, _ settings: TrainingRecipe.Settings) throws {
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
    groups = declared.map {
      ($0.name, AdamW($0.parameters, stage.optimizer(of: $0.name, settings.optimizer)))
    }
    let trained = Set(declared.flatMap(\.parameters).map(ObjectIdentifier.init))
    fixed = averaged.filter { !trained.contains(ObjectIdentifier($0)) } + stage.buffers
    average = ExponentialMovingAverage(averaged, decay: settings.emaDecay)
  }

  /// A note for a run that continues in a different arithmetic, for example on another kind of
  /// machine; nil where it does not.
  func change(to policy: ComputePolicy) -> String? {
    guard let computed, computed != policy.title else { return nil }
    return "computed in \(computed) so far, continues in \(policy.title) (\(policy.reason)); "
      + "the run no longer gives the same bits"
  }

  /// The files of a checkpoint: tensors by file and name.
  var files: [String: [String: Tensor]] {
    var parameters: [String: Tensor] = [:]
    var optimizers: [String: Tensor] = [:]
    for group in groups {
      for parameter in group.optimizer.parameters {
        parameters[group.name + "/" + parameter.name] = parameter.value.detached()
      }
      for (name, tensor) in group.optimizer.state { optimizers[group.name + "/" + name] = tensor }
    }
    for parameter in fixed { parameters["/" + parameter.name] = parameter.value.detached() }
    let averages = zip(average.parameters, average.averages).map { ($0.name, $1) }
    return [
      "parameters.safetensors": parameters, "optimizer.safetensors": optimizers,
      "averages.safetensors": Dictionary(uniqueKeysWithValues: averages),
    ]
  }

  /// Restores the tensors of `files`; `lookup` finds a tensor by file, name and shape.
  func restore(_ lookup: (_ file: String, _ name: String, _ shape: [Int]) throws -> Tensor) throws {
    func load(_ file: String, _ name: String, into tensor: Tensor) throws {
      tensor.copyInPlace(try lookup(file, name, tensor.shape))
    }
    for (file, tensors) in files {
      for (name, tensor) in tensors { try load(file, name, into: tensor) }
    }
  }
}
