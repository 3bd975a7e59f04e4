import Foundation
import NSARM
import Torch

/// A model of a few ten thousand random weights with all parts of the shipped one, for tests that
/// need a model but no quality.
public enum TinyModel {
  public static var configuration: ModelConfiguration {
    var tokenizer = AutoencoderConfiguration()
    tokenizer.latentChannels = 8
    tokenizer.baseChannels = 16
    tokenizer.channelMultipliers = [1, 2]
    tokenizer.residualBlocks = 1
    tokenizer.downsampling = 8
    tokenizer.stemPatch = 4
    tokenizer.normalization = .channel
    var trunk = TrunkConfiguration()
    trunk.channels = 16
    trunk.convolutions = 2
    trunk.join = 1
    trunk.codeChannels = 16
    tokenizer.trunk = trunk
    var transformer = TransformerConfiguration()
    transformer.width = 64
    transformer.depth = 2
    transformer.heads = 2
    transformer.picture = PictureConditionConfiguration(channels: 16, blocks: 1, patch: 4)
    var configuration = ModelConfiguration(
      name: "tiny", tokenizer: tokenizer, patch: 2,
      schedule: [1, 2, 4, 6, 8].map { GridSize($0, $0) }, rotaryReference: GridSize(8, 8))
    configuration.transformationNetwork = .convolutional(
      .init(channels: 16, blocks: 1, patch: 4, scales: [2, 4]))
    configuration.transformer = transformer
    configuration.sampling.temperature = 1
    return configuration
  }

  /// The model with random weights of `seed`. Its first weights are scaled so that the output
  /// follows the bits visibly.
  public static func make(
    _ configuration: ModelConfiguration = configuration, seed: UInt64 = 1,
    policy: ComputePolicy = .float32
  ) throws -> Model {
    let model = try Model(configuration, ParameterStore(seed: seed), policy: policy)
    for parameter in model.store.parameters where parameter.value.rank >= 2 {
      if parameter.name.hasSuffix("head.weight") { parameter.value = parameter.value * 20 }
    }
    model.store.convert(to: policy.storage) { $0.value.rank == 4 }
    return model
  }

  /// Writes the model into a folder of its own and returns the folder's path.
  public static func write(
    _ configuration: ModelConfiguration = configuration, seed: UInt64 = 1, in parent: String
  ) throws -> String {
    let path = parent + "/tiny"
    try ModelFolder.write(
      try make(configuration, seed: seed), to: path,
      provenance: ["data": "none", "recipe": "random weights"])
    return path
  }
}
