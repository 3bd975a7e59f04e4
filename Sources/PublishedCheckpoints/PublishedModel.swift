import Checkpoints
import NSARM
import Settings
import Torch

/// A weight of a model and where a published checkpoint has it.
public struct PublishedWeight {
  /// The name in our model folders.
  public let name: String
  /// The name in the file.
  public let key: String
  public let file: any TensorFile
  public let dtype: DType
  public let shape: [Int]
  public let role: WeightRole
  /// The element type in which a model keeps it that is stored in the usual one, bfloat16.
  public let storage: DType
}

/// A published checkpoint, of NSARM or Infinity, as a model of ours: its configuration, read from
/// the shapes of its tensors, and the place of every weight; or a model that is ours already.
public struct PublishedModel {
  public let configuration: ModelConfiguration
  public let weights: [PublishedWeight]
  public let remainder: PublishedRemainder

  /// - Parameters:
  ///   - transformer: the transformer, of NSARM with its transformation network: a state dict or a
  ///     training checkpoint with one.
  ///   - tokenizer: the tokenizer, likewise.
  ///   - mapHeads: heads of the transformation network's scales, which shapes do not tell; nil: as
  ///     published.
  /// - Throws: `CheckpointError` where a file is something else or makes no sense. Tensors that do
  ///   not fit are in `remainder.problems`.
  public init(
    transformer: any TensorFile, tokenizer: any TensorFile, mapHeads: [Int]? = nil
  ) throws {
    let tokens = try PublishedDictionary.find(
      ["encoder.conv_in.conv.weight", "encoder.conv_in.weight"], in: tokenizer,
      preferred: ["vae", "", "ema", "trainer.vae_local", "vae_local"], content: "a tokenizer")
    let main = try PublishedDictionary.find(
      ["pos_start"], in: transformer,
      preferred: [
        "", "trainer.gpt_fsdp", "trainer.gpt_wo_ddp", "gpt_fsdp", "gpt_wo_ddp", "model",
        "state_dict", "module",
      ],
      content: "a transformer")
    configuration = try Self.configuration(main, tokens, mapHeads)

    var remainder = PublishedRemainder()
    var places: [String: (weights: PublishedDictionary, key: String)] = [:]
    for (weights, names) in [(main, PublishedNames.transformer), (tokens, .tokenizer)] {
      let constants = weights.keys.filter(names.isConstant).map { weights.root + $0 }
      remainder.constants += constants
      try remainder.checkKeyBiases(
        constants.filter { $0.hasSuffix(PublishedNames.keyBias) }, in: weights.file)
      for key in weights.keys where !names.isConstant(key) {
        if let name = names.name(key) {
          if let other = places.updateValue((weights, key), forKey: name) {
            remainder.problems.append(
              "\(weights.file.title): '\(weights.root + other.key)' and '\(weights.root + key)'"
                + " are the same weight")
          }
        } else {
          remainder.ignored.append(weights.root + key)
        }
      }
      remainder.ignored += weights.otherTexts
    }
    var found: [PublishedWeight] = []
    for parameter in try configuration.withoutTensors().store.parameters {
      let (name, shape) = (parameter.name, parameter.value.shape)
      let isToken = name.hasPrefix(PublishedNames.tokenizer.scope)
      guard let (weights, key) = places.removeValue(forKey: name) else {
        let names: PublishedNames = isToken ? .tokenizer : .transformer
        let owner = isToken ? tokens : main
        remainder.problems.append(
          "\(owner.file.title): '\(owner.root + names.key(name))' of shape \(shape) is missing")
        continue
      }
      let full = weights.root + key
      let file: any TensorFile =
        key == UnconditionalRows.key ? UnconditionalRows(weights.file, full) : weights.file
      let weight = PublishedWeight(
        name: name, key: full, file: file, dtype: file.dtype(full)!, shape: file.shape(full)!,
        role: parameter.role, storage: parameter.role.storage)
      remainder.check(weight, shape)
      found.append(weight)
    }
    // The published script loads without asking for what it does not know.
    remainder.ignored += places.values.map { $0.weights.root + $0.key }.sorted()
    weights = found
    self.remainder = remainder
  }

  /// A model folder of ours, to be stored in another format.
  /// - Throws: `CheckpointError` where it is stored in 8 or 4 bits already.
  public init(_ folder: ModelFolder) throws {
    configuration = folder.configuration
    let file = try folder.weights()
    guard QuantizedSource(file).quantizedNames.isEmpty else {
      throw CheckpointError(
        file.title, "is stored in 8 bits or less already; convert the model that it was made of")
    }
    var remainder = PublishedRemainder()
    var unknown = Set(file.names)
    var found: [PublishedWeight] = []
    for parameter in try configuration.withoutTensors().store.parameters {
      let (name, shape) = (parameter.name, parameter.value.shape)
      guard unknown.remove(name) != nil, file.shape(name) == shape else {
        remainder.problems.append("\(file.title): '\(name)' of shape \(shape) is missing")
        continue
      }
      found.append(
        PublishedWeight(
          name: name, key: name, file: file, dtype: file.dtype(name)!, shape: shape,
          role: parameter.role, storage: parameter.role.storage))
    }
    remainder.problems += unknown.sorted().map {
      "\(file.title): '\($0)' is not part of the model"
    }
    weights = found
    self.remainder = remainder
  }

  private static func configuration(
    _ main: PublishedDictionary, _ tokens: PublishedDictionary, _ mapHeads: [Int]?
  ) throws -> ModelConfiguration {
    let tokenizer = try AutoencoderConfiguration(tokens)
    let bits = try main.size("word_embed.weight", 1)
    guard let patch = [1, 2].first(where: { $0 * $0 * tokenizer.latentChannels == bits }) else {
      throw CheckpointError(
        tokens.file.title,
        "makes latents of \(tokenizer.latentChannels) channels, but a token of "
          + "\(main.file.title) has \(bits) bits; these files do not belong together")
    }
    let transformer = try TransformerConfiguration(main)
    var map: PublishedTransformationNetwork.Configuration?
    if main.keys.contains(where: { $0.hasPrefix("map_transformer.") }) {
      let schedule = ScaleSchedule.published(aspectRatio: 1, budget: .pixels1024, patch: patch)
      map = try .init(main, latents: schedule.latents, heads: mapHeads)
    }
    let configuration = ModelConfiguration.published(
      tokenizer: tokenizer, patch: patch, transformer: transformer, transformationNetwork: map)
    do {
      try configuration.validate()
    } catch let error as ConfigurationError {
      throw CheckpointError(main.file.title, "has a shape that no model has: \(error)")
    }
    return configuration
  }
}
