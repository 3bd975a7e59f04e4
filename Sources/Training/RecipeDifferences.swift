import YAMLSettings
import Yams

extension TrainingRecipe {
  /// Keys that do not affect updates.
  private static let details: Set<String> = [
    "validationEvery", "previewEvery", "checkpointEvery", "checkpointMinutes", "precision",
    "memory.recompute", "memory.sharding", "data.cacheMebibytes", "data.loaderThreads",
    "data.prefetch", "data.validationCrop",
    "data.validationBatch", "data.validationCount", "data.previewCount",
  ]

  /// The differences from another recipe in the stage or in the model: "model.width is 64, was 32".
  func modelDifferences(from earlier: TrainingRecipe) -> [String] {
    func values(_ recipe: TrainingRecipe) -> [String: String] {
      var values = flattened(recipe.sections["model"], "model")
      // Recipes of earlier versions give the model's scale twice.
      values["model.tokenizer.trunk.scale"] = nil
      values["stage"] = recipe.settings.stage
      return values
    }
    return differences(values(self), values(earlier)).map(\.text)
  }

  /// The other differences: those that affect updates, and details.
  func otherDifferences(from earlier: TrainingRecipe) -> (changes: [String], details: [String]) {
    func values(_ recipe: TrainingRecipe) -> [String: String] {
      var settings = recipe.settings
      settings.stage = ""
      // Compares every setting, so that an explicit default is not a difference.
      let all = (try? YAMLEncoder().encode(settings)).flatMap { try? Yams.compose(yaml: $0) }
      return flattened(all).merging(flattened(recipe.sections["loss"], "loss")) { $1 }
    }
    let all = differences(values(self), values(earlier))
    return (
      all.filter { !Self.details.contains($0.key) }.map(\.text),
      all.filter { Self.details.contains($0.key) }.map(\.text)
    )
  }

  private func differences(
    _ new: [String: String], _ old: [String: String]
  ) -> [(key: String, text: String)] {
    func same(_ a: String?, _ b: String?) -> Bool {
      guard let a, let b else { return false }
      return a == b || Double(a).map { $0 == Double(b) } ?? false
    }
    return Set(new.keys).union(old.keys).sorted().filter { !same(new[$0], old[$0]) }.map {
      ($0, "\(snakeCased($0)) is \(new[$0] ?? "absent"), was \(old[$0] ?? "absent")")
    }
  }
}
