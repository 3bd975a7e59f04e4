import Checkpoints
import Files
import Foundation
import NSARM
import Torch

/// Encodes prompts as the features that condition a transformer: `PromptTokenizer` followed by
/// `TextEncoder`, from a folder with `model.safetensors` and `spiece.model`.
///
/// The encoder is loaded only where the cache lacks a prompt, and released when the call ends.
///
/// ```swift
/// let encoder = try PromptEncoder("Models/8b/text-encoder", channels: channels)
/// options.text = try encoder(["a stone bridge"])["a stone bridge"]
/// ```
public struct PromptEncoder: Sendable {
  public let folder: String
  /// The number of channels of the features.
  public let channels: Int
  /// The largest number of tokens of a prompt; further ones are cut off.
  public let limit: Int
  public let cache: PromptCache?
  private let policy: ComputePolicy
  /// A fingerprint of the files that the features depend on.
  private let identity: UInt64

  /// The number of texts that are encoded together, so that they share the conversion of the
  /// weights.
  private static let group = 32

  /// - Parameters:
  ///   - folder: the encoder's folder.
  ///   - channels: the number of channels that the transformer expects.
  ///   - limit: the largest number of tokens of a prompt.
  ///   - device: the device that the encoder runs on.
  ///   - cache: nil to encode every prompt each time.
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

  /// The features `[1, n, channels]` of every prompt, on the CPU: computed in float32 and rounded
  /// to float16, the precision of the published code's encoder, whatever the transformer's
  /// precision.
  ///
  /// - Parameter progress: called with the finished fraction of the work; an error thrown here
  ///   stops it.
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

  /// Fills the cache without keeping the features of all prompts in memory.
  /// - Throws: the same errors as the call.
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
