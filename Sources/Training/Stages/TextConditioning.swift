import NSARM
import Prompts
import Torch

/// The text conditions of a stage's transformer: the features of a batch's captions, and the
/// transformer's null text for samples without a caption or with a dropped one.
final class TextConditioning {
  private let transformer: VisualAutoregressiveTransformer
  private let policy: ComputePolicy
  /// The folder of the text encoder of the model that training starts from.
  private let encoderFolder: String?
  private var encoder: PromptEncoder?

  /// Nil where the model has no transformer that is conditioned on text.
  init?(_ model: Model, _ start: StageStart) {
    guard let transformer = model.transformer, transformer.configuration.text != nil else {
      return nil
    }
    self.transformer = transformer
    policy = model.policy
    encoderFolder = start.folder?.textEncoderPath
  }

  /// Encodes captions into the run's folder, where an interrupted run finds them again.
  /// - Throws: `PromptError` where the model that training starts from has no text encoder, or one
  ///   of a different width.
  func prepare(
    _ captions: Set<String>, in folder: String, progress: (Double) throws -> Void
  ) throws {
    guard let encoderFolder else { throw TrainingError.noTextEncoder }
    let text = transformer.configuration.text!
    let encoder = try PromptEncoder(
      encoderFolder, channels: text.channels, limit: min(512, text.maximumLength),
      on: policy.device, cache: PromptCache(folder + "/captions"))
    try encoder.fillCache(captions, progress: progress)
    self.encoder = encoder
  }

  /// Features and mask of a batch; gradients reach the null text.
  ///
  /// # Shapes
  /// `[B, n, channels]`, `[B, n]` with n the longest text's length.
  func callAsFunction(_ captions: [SampleCaption?]) throws -> (features: Tensor, mask: Tensor?) {
    var encoded: [String: TextFeatures] = [:]
    let texts = Set(captions.compactMap { $0?.text })
    if !texts.isEmpty {
      guard let encoder else { throw TrainingError.stage(problem: "its captions are not encoded") }
      encoded = try encoder(texts)
    }
    let rows = captions.map { caption -> Tensor in
      guard let caption else { return null(length: VisualAutoregressiveTransformer.nullLength) }
      let features = encoded[caption.text]!.features  // [1, n, channels]
      guard !caption.isDropped else { return null(length: features.size(1)) }
      return features.to(policy.device).to(.float32)
    }
    let lengths = rows.map { $0.size(1) }
    let longest = lengths.max()!
    let padded = rows.map { $0.padded([0, 0, 0, longest - $0.size(1)]) }
    var mask: Tensor?
    if lengths.contains(where: { $0 < longest }) {
      mask = Tensor(
        lengths.flatMap { length in (0..<longest).map { $0 < length } },
        shape: [rows.count, longest]
      ).to(policy.device)
    }
    return (.concatenated(padded, 0), mask)
  }

  /// The null text, as long as the text that it replaces.
  private func null(length: Int) -> Tensor {
    let limit = transformer.configuration.text!.maximumLength
    return transformer.unconditionalText(length: min(length, limit))!
  }
}

extension VisualAutoregressiveTransformer {
  /// The condition of a batch.
  /// - Parameter texts: the texts, for a transformer that is conditioned on text.
  func condition(_ batch: TrainingBatch, _ texts: TextConditioning?) throws -> Condition {
    condition(lowQuality: batch.lowQuality, text: try texts?(batch.captions))
  }
}
