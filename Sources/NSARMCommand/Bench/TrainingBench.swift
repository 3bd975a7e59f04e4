import Foundation
import ImageQuality
import NSARM
import Torch
import Training

/// An update of every training stage of a model, and the preparation of its data.
struct TrainingBench {
  let folder: ModelFolder
  let policy: ComputePolicy
  let budget, peak: Double

  /// The samples of a step of each stage, as in the recipes of `nano`.
  private static let batches: [(stage: StageName, batch: Int)] = [
    (.tokenizer, 2), (.transformer, 8), (.stage1, 8), (.stage2, 8), (.decoder, 3),
  ]

  /// Forward, backward, optimiser and averages of one update.
  func steps() throws -> [PartReport] {
    try Self.batches.map { stage, batch in
      let recipe = try TrainingRecipe(text: recipe(stage, batch: batch))
      let updater = try Updater(
        makeStage(recipe, from: folder.path, policy: policy),
        recipe.settings)
      let side = folder.configuration.tileSide
      let random = RandomGenerator(seed: 2)
      func noise(_ side: Int) -> Tensor {
        Tensor.rand([batch, 3, side, side], using: random, on: policy.device) * 2 - 1
      }
      let data = TrainingBatch(
        highQuality: noise(side), lowQuality: noise(side / folder.configuration.scale),
        seeds: (0..<UInt64(batch)).map { $0 })
      var step = 0
      return try PartReport.measuring(
        "\(stage.rawValue), batch \(batch)" + Self.remark(stage), budget: budget, peak: peak
      ) {
        step += 1
        _ = try updater.update([data], step: step, factor: 1e-3)
      }
    }
  }

  /// A remark on steps that lack the perceptual loss because its weights are missing.
  private static func remark(_ stage: StageName) -> String {
    [.tokenizer, .decoder].contains(stage) && !MetricWeights.arePresent ? ", no LPIPS" : ""
  }

  private func recipe(_ stage: StageName, batch: Int) -> String {
    var text = """
      stage: \(stage.rawValue)
      steps: 1000000
      batch: \(batch)
      data: {crop: \(folder.configuration.tileSide)}

      """
    let perceptual = MetricWeights.arePresent ? 1 : 0
    switch stage {
    case .tokenizer:
      text += "loss: {picture: {vgg: {weight: \(perceptual), window: 128}}}\n"
    case .decoder:
      text += "loss: {window: 128, windows: 2, picture: {vgg: {weight: \(perceptual)}}}\n"
    default: break
    }
    return text
  }

  /// Samples per second that one thread prepares from the photos of a folder.
  static func samplesPerSecond(
    _ photos: String, crop: Int, scale: Int, budget: Double
  ) throws -> Double {
    var settings = DataSettings()
    settings.crop = crop
    let dataset = try PhotoDataset(
      folder: photos, settings: settings, scale: scale, seed: 1
    ) { _ in }
    let loader = BatchLoader(dataset, size: 4, first: 0, threads: 1, ahead: 1)
    defer { loader.stop() }
    for _ in 0..<3 { _ = try loader.next() }
    let start = Date()
    var count = 0
    while Date().timeIntervalSince(start) < 3 * budget {
      _ = try loader.next()
      count += 4
    }
    return Double(count) / Date().timeIntervalSince(start)
  }
}
