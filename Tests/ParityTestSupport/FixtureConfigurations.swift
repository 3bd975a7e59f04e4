import NSARM
import TestSupport
import Torch

/// Constants that the reference keeps among its weights.
public func isBuffer(_ name: String) -> Bool {
  name.hasSuffix("zero_k_bias") || name.hasSuffix("lfq.mask")
}

extension AutoencoderConfiguration {
  /// As a tokenizer fixture's metadata tells.
  public init(_ fixture: Fixture) {
    self.init()
    latentChannels = fixture.integers("codebook_dim")[0]
    baseChannels = fixture.integers("base_ch")[0]
    channelMultipliers = fixture.integers("ch_mult")
    residualBlocks = fixture.integers("num_res_blocks")[0]
    downsampling = fixture.integers("patch_size")[0]
  }
}

extension PublishedTransformationNetwork.Configuration {
  /// As the fixture's metadata and shapes tell.
  public init(_ fixture: Fixture) {
    self.init()
    widths = fixture.integers("hidden_dims")
    layers = fixture.integers("layers")
    heads = fixture.integers("heads")
    feedForwardRatio = Double(fixture.metadata["mlp_ratio"]!)!
    size = fixture["in.x"].shape[2]
    scales = fixture.indices("out.scale.").map { k in
      Int(Double(fixture["out.scale.\(k)"].shape[1]).squareRoot().rounded())
    }
  }
}

/// Packed text features "CASE.in.kv_compact" with lengths "CASE.in.lens" (without: one text) as
/// padded features `[B, n, channels]` and mask `[B, n]`.
public func text(_ fixture: Fixture, _ name: String) -> (features: Tensor, mask: Tensor?) {
  let packed = fixture.tensor("\(name).in.kv_compact")
  let lengths = fixture.tensors["\(name).in.lens"]?.ints ?? [packed.size(0)]
  let longest = lengths.max()!
  let texts = packed.split(lengths, 0)
  let features = Tensor.stacked(texts.map { $0.padded([0, 0, 0, longest - $0.size(0)]) })
  let mask = lengths.flatMap { length in (0..<longest).map { $0 < length } }
  return (features, Tensor(mask, shape: [lengths.count, longest]))
}

extension ScaleSchedule {
  /// The last scale of the 1024 pixel schedule of this schedule's aspect ratio.
  public var publishedReference: GridSize {
    let last = tokens[count - 1]
    return ScaleSchedule.published(
      aspectRatio: Double(last.height) / Double(last.width), budget: .pixels1024
    ).latent
  }
}

extension TransformerConfiguration {
  /// As the fixture's metadata and shapes tell.
  public init(_ fixture: Fixture) {
    self.init()
    width = fixture.integers("embed_dim")[0]
    depth = fixture.integers("depth")[0]
    heads = fixture.integers("num_heads")[0]
    feedForwardRatio = Double(fixture.metadata["mlp_ratio"]!)!
    levels = fixture["weights.lvl_embed.weight"].shape[0]
    if !fixture.names(after: "weights.block_chunks.").isEmpty {
      blocksPerChunk = depth / fixture.integers("block_chunks")[0]
    }
    var text = TextConfiguration()
    text.channels = fixture.integers("text_channels")[0]
    text.maximumLength = fixture.integers("text_maxlen")[0]
    self.text = text
  }
}
