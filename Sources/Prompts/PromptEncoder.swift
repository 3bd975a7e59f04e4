import Checkpoints
import Files
import Foundation
import NSARM
import Torch

/// Prompts to the features that condition a transformer: `PromptTokenizer`, then `TextEncoder`, of
/// a folder with `model.safetensors` and `spiece.model`.
///
/// The encoder is opened where the cache lacks a prompt, and is gone when the call ends.
///
/// ```swift
/// let encoder = try PromptEncoder("Models/8b/text-encoder", channels: channels)
/// options.text = try encoder(["a stone bridge"])["a stone bridge"]
/// ```
public struct PromptEncoder: Sendable {
  public let folder: String
  /// Channels of the features.
  public let channels: Int
  /// The most tokens of a prompt; what follows is cut off.
  public let limit: Int
  public let cache: PromptCache?
  private let policy: ComputePolicy
  /// Of the files that features depend on.
  private let identity: UInt64

  /// Texts that go through the encoder together, so that the conversion of its weights is shared.
  private static let group = 32

  /// - Parameters:
  ///   - folder: of the encoder.
  ///   - channels: that the transformer takes.
  ///   - limit: the most tokens of a prompt.
  ///   - device: where the encoder runs.
  ///   - cache: nil: every prompt is encoded anew.
  /// - Throws: `PromptError`, `CheckpointError` where the folder or a file is missing.
  public init(
    _ folder: String, channels: Int, limit: Int = 512, on device: Device = .cpu,
    cache: PromptCache? = .standard()
  ) throws {
    guard isFolder(folder) else {
      throw PromptError(
        "\(folder): no such folder; prompts need the model's text encoder, with model.safetensors"
          + " and spiece.model")
    }
    (self.folder, self.channels, self.limit) = (folder, channels, limit)
    self.cache = cache
    policy = try ComputePolicy(.float32, on: device)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter {
      $0.hasSuffix(".safetensors") || $0 == Self.vocabulary
    }
    identity = try files.reduce(UInt64(limit)) {
      RandomStream.key($0, try fingerprint(ofFile: folder + "/" + $1))
    }
  }

  private static let vocabulary = "spiece.model"

  /// Features `[1, n, channels]` of every prompt on the CPU: computed in float32 and rounded to
  /// float16, in which the published code's encoder computes, whatever the transformer's precision.
  ///
  /// - Parameter progress: called with the share that is done; an error thrown here stops the work.
  /// - Throws: `PromptError`, `CheckpointError`, `ParameterMismatch` where the encoder is damaged
  ///   or does not fit.
  public func callAsFunction(
    _ prompts: some Sequence<String>, progress: (Double) throws -> Void = { _ in }
  ) throws -> [String: TextFeatures] {
    var result: [String: TextFeatures] = [:]
    var missing: [String] = []
    for prompt in Set(prompts).sorted() {
      if let features = cache?.features(key(prompt), channels: channels) {
        result[prompt] = TextFeatures(features.unsqueezed(0))
      } else {
        missing.append(prompt)
      }
    }
    try encode(missing, progress) { result[$0] = TextFeatures($1.unsqueezed(0)) }
    return result
  }

  /// Fills the cache, holding the features of some prompts only.
  /// - Throws: as the call.
  public func fillCache(
    _ prompts: some Sequence<String>, progress: (Double) throws -> Void = { _ in }
  ) throws {
    guard let cache else { return }
    let missing = Set(prompts).sorted().filter { !cache.contains(key($0)) }
    try encode(missing, progress) { _, _ in }
  }

  private func key(_ prompt: String) -> PromptCache.Key {
    PromptCache.Key(encoder: identity, text: prompt)
  }

  private func encode(
    _ prompts: [String], _ progress: (Double) throws -> Void, _ take: (String, Tensor) -> Void
  ) throws {
    guard !prompts.isEmpty else { return }
    let (tokenizer, encoder) = try open()
    var done = 0
    while done < prompts.count {
      let group = prompts[done..<min(done + Self.group, prompts.count)]
      let features = try throwingResourceErrors {
        try encoder(try group.map { try tokenizer($0, limit: limit) }) { share in
          try progress((Double(done) + share * Double(group.count)) / Double(prompts.count))
        }.map { $0.roundedToFloat16.to(.cpu) }
      }
      for (prompt, features) in zip(group, features) {
        cache?.store(features, key(prompt))
        take(prompt, features)
      }
      done += group.count
    }
    cache?.trim()
  }

  private func open() throws -> (PromptTokenizer, TextEncoder) {
    let tokenizer = try PromptTokenizer(folder + "/" + Self.vocabulary)
    let encoder = try TextEncoder(WeightFolder(folder).open(), policy: policy)
    let sizes = encoder.configuration
    guard sizes.width == channels else {
      throw PromptError(
        "\(folder): gives features of \(sizes.width) channels, the transformer takes \(channels);"
          + " it belongs to another model")
    }
    guard tokenizer.count <= sizes.vocabulary else {
      throw PromptError(
        "\(folder): \(Self.vocabulary) has \(tokenizer.count) tokens, the encoder knows"
          + " \(sizes.vocabulary); the files belong to different encoders")
    }
    return (tokenizer, encoder)
  }
}
