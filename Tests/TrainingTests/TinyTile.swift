import Foundation
import ModelTestSupport
import NSARM
import Torch

@testable import Training

/// A tiny model with tiles of 64 pixels, and a batch of four of them.
enum TinyTile {
  /// Writes the model and returns its folder.
  static func model(
    in scratch: TemporaryFolder, _ change: (inout ModelConfiguration) -> Void = { _ in }
  ) throws -> String {
    var configuration = TinyModel.configuration
    configuration.schedule = [1, 2, 4].map { GridSize($0, $0) }
    configuration.rotaryReference = GridSize(4, 4)
    change(&configuration)
    return try TinyModel.write(configuration, in: scratch.path)
  }

  static func recipe(_ stage: String, _ sections: String) throws -> TrainingRecipe {
    try TrainingRecipe(
      text: """
        stage: \(stage)
        steps: 1
        batch: 4
        learning_rate: 0.003
        warmup: 0
        precision: float32
        validation_every: 0
        preview_every: 0
        data: {crop: 64, validation_crop: 64, flips: false, degradation: bicubic, flat_threshold: 0}
        \(sections)
        """, file: "r.yaml")
  }

  /// - Parameter sections: the recipe's sections `model` and `loss`.
  static func stage(
    _ name: String, _ sections: String, from model: String
  ) throws -> any TrainingStage {
    try makeStage(recipe(name, sections), from: model)
  }

  /// Samples of one fixed batch of four.
  static func batch(_ range: Range<Int> = 0..<4) -> TrainingBatch {
    let random = RandomGenerator(seed: 3)
    let high = Tensor.rand([4, 3, 64, 64], using: random) * 2 - 1
    let low = high.resized(16, 16, .area)
    func part(_ x: Tensor) -> Tensor {
      x.narrowed(0, from: range.lowerBound, count: range.count).contiguous()
    }
    return TrainingBatch(
      highQuality: part(high), lowQuality: part(low), seeds: range.map { UInt64($0 + 1) << 40 })
  }

  /// The loss of a stage's first objective of update 7.
  static func evaluation(
    _ stage: any TrainingStage, _ batch: TrainingBatch = batch(), step: Int = 7
  ) throws -> Objective.Evaluation {
    try stage.objective(batch, step: step, random: UpdateRandom(seed: 5, step: step)).evaluate()
  }

  /// The gradients of the mean of the stage's losses over parts of the batch.
  static func gradients(
    _ stage: any TrainingStage, _ parts: [Range<Int>] = [0..<4]
  ) throws -> [Tensor] {
    let parameters = stage.parameterGroups[0].parameters
    for parameter in parameters { parameter.value.clearGradient() }
    for part in parts {
      try (evaluation(stage, batch(part)).loss / Double(parts.count)).backward()
    }
    return parameters.compactMap { $0.value.gradient?.cloned() }
  }
}

/// The error of `body` as text; empty where there is none.
func message(_ body: () throws -> some Any) -> String {
  do {
    _ = try body()
    return ""
  } catch { return "\(error)" }
}
