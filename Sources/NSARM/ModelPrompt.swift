import Checkpoints
import Foundation
import Torch

/// The features of a model's recommended prompt, kept in its folder, so that pictures for which no
/// other is given need no text encoder.
extension ModelFolder {
  public var promptPath: String { path + "/" + Self.promptFile }
  public static let promptFile = "prompt.safetensors"
  private static let features = "features"

  /// Features of the recommended prompt, float16 `[1, n, channels]`; nil where there is none or
  /// the folder does not have them.
  /// - Throws: `CheckpointError` where the file is damaged or belongs to another prompt or model.
  package func text() throws -> TextFeatures? {
    guard let prompt = configuration.prompt, let text = configuration.transformer?.text, hasPrompt
    else { return nil }
    let file = try SafetensorsFile(promptPath)
    guard file.metadata["text"] == prompt, let shape = file.shape(Self.features),
      shape.count == 2, (1...text.maximumLength).contains(shape[0]), shape[1] == text.channels
    else {
      throw CheckpointError(
        promptPath, "holds no features of this model's prompt; convert the model again")
    }
    let features = try file.tensor(Self.features).cloned()
    guard features.isFinite().allTrue else {
      throw CheckpointError(promptPath, "holds values that are not finite")
    }
    return TextFeatures(features.unsqueezed(0))
  }

  /// Writes the features of a prompt into a model's folder.
  ///
  /// - Parameters:
  ///   - features: `[n, channels]`.
  ///   - prompt: the text that they were computed from.
  ///   - folder: the model's.
  public static func write(_ features: Tensor, of prompt: String, to folder: String) throws {
    try writeSafetensors(
      [(Self.features, features.roundedToFloat16)], metadata: ["text": prompt],
      to: folder + "/" + promptFile)
  }
}

extension Tensor {
  /// Values in float16, whose range they may leave.
  public var roundedToFloat16: Tensor {
    let largest = 65504.0
    return clamped(min: -largest, max: largest).to(.float16)
  }
}
