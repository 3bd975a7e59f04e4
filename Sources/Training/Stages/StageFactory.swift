import ImageQuality
import Imaging
import NSARM
import Torch

/// The kinds of training, in the order in which a model goes through them
/// (`Documentation/method.md`, "Training").
public enum StageName: String, CaseIterable, Sendable {
  /// Stage 0a: the autoencoder and its bits.
  case tokenizer
  /// Stage 0b: the transformer, by teacher forcing with bitwise self-correction.
  case transformer
  /// Stage 1: the transformation network, by mean squared error on the first residual maps.
  case stage1
  /// Stage 2: the transformer, continuing from the transformation network's prefix with modified
  /// ground truth.
  case stage2
  /// The decoder alone, on bits that the model predicts or without any.
  case decoder
  /// The transformer, which learns to predict in one pass what it predicts scale by scale.
  case distillation
}

/// Makes the stage of a recipe, with fresh weights or those of `start`: a model folder, or a file
/// of weights for the model that the recipe describes.
/// - Parameters:
///   - policy: the device and precision of the stage; nil for the recipe's precision on the CPU.
///   - group: the processes that train together, each on its own samples; nil for this one alone.
/// - Throws: `TrainingError.recipe` where the recipe is invalid, alone or for the model that it
///   starts from; `TorchError` where the policy does not allow training; the errors of the model
///   folder.
public func makeStage(
  _ recipe: TrainingRecipe, from start: String?, policy: ComputePolicy? = nil,
  group: ProcessGroup? = nil
) throws -> TrainingStage {
  let name = recipe.settings.stage
  guard let stage = StageName(rawValue: name) else {
    let known = StageName.allCases.map(\.rawValue).joined(separator: ", ")
    throw TrainingError.recipe(
      file: recipe.file, problem: "'stage' is '\(name)'; there are: \(known)")
  }
  let policy = try policy ?? ComputePolicy(recipe.settings.precision)
  let start = try StageStart(
    recipe: recipe, from: start, policy: try policy.forTraining(), group: group)
  if let folder = start.folder, folder.configuration.network != nil, stage != .decoder {
    throw TrainingError.recipe(
      file: recipe.file,
      problem: "stage '\(name)' trains a code, and \(folder.path) is a model without one; its "
        + "network is trained by stage 'decoder'")
  }
  let made: any TrainingStage =
    switch stage {
    case .tokenizer: try TokenizerStage(start)
    case .transformer: try TransformerStage(start, continuesPrefix: false)
    case .stage1: try TransformationStage(start)
    case .stage2: try TransformerStage(start, continuesPrefix: true)
    case .decoder: try DecoderStage(start)
    case .distillation: try DistillationStage(start)
    }
  guard made.blocks != nil || !recipe.settings.memory.recomputesBlocks else {
    throw TrainingError.recipe(
      file: recipe.file,
      problem: "'memory' recomputes or shards blocks, of which the network of stage '\(name)' has "
        + "none; use 'recompute: none' and 'sharding: none' or 'optimizer'")
  }
  return made
}

extension Model {
  /// Stops gradients into all other parameters.
  func freeze(except parameters: [Parameter]) {
    let trained = Set(parameters.map(\.name))
    for parameter in store.parameters {
      parameter.value.requiresGradient = trained.contains(parameter.name)
    }
  }

  /// The latent, before quantisation, of a batch's originals or of its teacher's pictures.
  func features(_ batch: TrainingBatch, of target: Target) -> Tensor {
    features(target.pictures(batch), lowQuality: batch.lowQuality)
  }

  /// A latent as a picture, float32.
  func decoded(_ latent: Tensor?, _ batch: TrainingBatch) -> Tensor {
    decoder(latent, lowQuality: batch.lowQuality).to(.float32)
  }
}

/// PSNR over red, green and blue of pictures in [-1, 1], dB, mean over the batch; the prediction is
/// clamped.
func psnr(_ prediction: Tensor, _ truth: Tensor) -> Double {
  let clamped = prediction.to(.float32).clamped(min: -1, max: 1)
  let values = peakSignalToNoise(clamped.unsigned, truth.unsigned, .rgb)
  return values.reduce(0, +) / Double(values.count)
}
