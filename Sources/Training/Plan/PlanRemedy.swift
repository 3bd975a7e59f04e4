import Foundation
import NSARM
import Torch

extension RunPlan {
  /// The remedies that are tried in turn for a run that does not fit: what to change in the recipe.
  private static func remedies(
    _ settings: TrainingRecipe.Settings, ranks: Int
  ) -> [(text: String, change: (inout TrainingRecipe.Settings) -> Void)] {
    var all: [(String, (inout TrainingRecipe.Settings) -> Void)] = []
    let canShard = ranks > 1
    if settings.memory.recompute == .none {
      all.append(("'memory: {recompute: blocks}'", { $0.memory.recompute = .blocks }))
    }
    if canShard, settings.memory.sharding == .none {
      all.append(("'memory: {sharding: optimizer}'", { $0.memory.sharding = .optimizer }))
      all.append(
        (
          "'memory: {recompute: blocks, sharding: optimizer}'",
          {
            $0.memory.recompute = .blocks
            $0.memory.sharding = .optimizer
          }
        ))
    }
    if canShard, settings.memory.sharding != .parameters {
      all.append(("'memory: {sharding: parameters}'", { $0.memory.sharding = .parameters }))
    }
    for factor in [2, 4, 8, 16, 32, 64] where settings.batch % (factor * ranks) == 0 {
      let (batch, accumulation) = (settings.batch / factor, settings.accumulation * factor)
      let smaller: (inout TrainingRecipe.Settings) -> Void = {
        $0.batch = batch
        $0.accumulation = accumulation
      }
      let text = "'batch: \(batch)' with 'accumulation: \(accumulation)'"
      all.append((text, smaller))
      all.append(
        (
          text + " and 'memory: {recompute: blocks\(canShard ? ", sharding: parameters" : "")}'",
          {
            smaller(&$0)
            $0.memory.recompute = .blocks
            if canShard { $0.memory.sharding = .parameters }
          }
        ))
    }
    return all
  }

  /// The reason why a run does not fit into the memory of a rank, with the first remedy that makes
  /// it fit; nil where it fits.
  public func problem(
    _ recipe: TrainingRecipe, from configuration: ModelConfiguration, precision: Precision,
    on machine: PlannedMachine
  ) -> String? {
    guard bytesPerRank.total > machine.memory else { return nil }
    func gibibytes(_ bytes: Double) -> String { String(format: "%.3g GiB", bytes / 0x1p30) }
    let remedy = Self.remedies(recipe.settings, ranks: ranks).first { remedy in
      var changed = recipe
      remedy.change(&changed.settings)
      let plan = try? RunPlan(changed, from: configuration, precision: precision, on: machine)
      return plan.map { $0.bytesPerRank.total <= machine.memory } ?? false
    }
    return "\(recipe.file): a rank takes \(gibibytes(bytesPerRank.total)) and has "
      + "\(gibibytes(machine.memory)); "
      + (remedy.map { "it fits with \($0.text)" }
        ?? "take more ranks, ranks with more memory or a smaller model")
  }
}
