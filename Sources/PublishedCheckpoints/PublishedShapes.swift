import Checkpoints
import NSARM
import Torch

// What published networks are, as the shapes of their tensors tell.

extension AutoencoderConfiguration {
  /// The tokenizer of a dictionary.
  /// - Throws: `CheckpointError` naming the tensor that makes no sense.
  init(_ weights: PublishedDictionary) throws {
    self.init()
    func width(_ name: String, _ dimension: Int = 0) throws -> Int {
      let whole = "encoder.\(name).conv.weight"
      return try weights.size(
        weights.contains(whole) ? whole : "encoder.\(name).weight", dimension)
    }
    latentChannels = try width("conv_out")
    baseChannels = try width("conv_in")
    residualBlocks = max(1, try weights.count("encoder.down.0.block."))
    let levels = try weights.count("encoder.down.")
    channelMultipliers = try (0..<levels).map { level in
      let width = try width("down.\(level).block.0.conv2")
      guard width % baseChannels == 0 else {
        throw CheckpointError(
          weights.file.title,
          "has \(width) channels at level \(level), no multiple of the first level's \(baseChannels)"
        )
      }
      return width / baseChannels
    }
    let halved = (0..<levels).prefix { level in
      weights.keys.contains { $0.hasPrefix("encoder.down.\(level).downsample.") }
    }
    downsampling = 1 << halved.count
  }
}

extension TransformerConfiguration {
  /// The transformer of a dictionary, with the names of its blocks as they are there.
  /// - Throws: `CheckpointError` naming the tensor that makes no sense.
  init(_ weights: PublishedDictionary) throws {
    self.init()
    width = try weights.size("word_embed.weight", 0)
    levels = try weights.size("lvl_embed.weight", 0)
    let chunks = try weights.count("block_chunks.")
    var first = "blocks.0"
    if chunks > 0 {
      let counts = try (0..<chunks).map { try weights.count("block_chunks.\($0).module.") }
      guard let most = counts.first, most > 0, counts.dropLast().allSatisfy({ $0 == most }),
        counts.last! <= most
      else {
        throw CheckpointError(
          weights.file.title,
          "has chunks of \(counts) blocks; all but the last are equal in a model")
      }
      depth = counts.reduce(0, +)
      blocksPerChunk = most
      first = "block_chunks.0.module.0"
    } else {
      depth = try weights.count("blocks.")
    }
    heads = try weights.size("\(first).sa.scale_mul_1H11", 1)
    feedForwardRatio = Double(try weights.size("\(first).ffn.fc1.weight", 0)) / Double(width)
    var text = TextConfiguration()
    _ = try weights.size(UnconditionalRows.key, 0)
    text.maximumLength = UnconditionalRows.count
    text.channels = try weights.size(UnconditionalRows.key, 1)
    self.text = text
  }
}

extension PublishedTransformationNetwork.Configuration {
  /// The transformation network of a dictionary whose keys begin with "map_transformer.".
  /// - Parameters:
  ///   - latents: of the schedule, of which the first are the network's scales.
  ///   - heads: nil: the published ones.
  /// - Throws: `CheckpointError` naming the tensor that makes no sense.
  init(_ weights: PublishedDictionary, latents: [GridSize], heads: [Int]?) throws {
    self.init()
    let map = "map_transformer."
    let count = try weights.count(map + "feature_transforms.")
    let most = min(latents.count, Self.publishedHeads.count)
    guard (1...most).contains(count) else {
      throw CheckpointError(
        weights.file.title,
        "has a transformation network of \(count) scales; 1 to \(most) are published")
    }
    widths = try (0..<count).map { try weights.size("\(map)feature_transforms.\($0).3.weight", 0) }
    layers = try (0..<count).map { try weights.count("\(map)transformers.\($0).layers.") }
    scales = latents.prefix(count).map(\.height)
    size = try weights.size("\(map)feature_extractor.1.weight", 1)
    feedForwardRatio =
      Double(try weights.size("\(map)transformers.0.layers.0.linear1.weight", 0))
      / Double(widths[0])
    self.heads = heads ?? Array(Self.publishedHeads.prefix(count))
  }
}
