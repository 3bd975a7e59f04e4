/// A model's configuration that makes no sense.
public struct ConfigurationError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Shape of a tokenizer's autoencoder; the defaults are the published f8 d14 one.
public struct AutoencoderConfiguration: Codable, Equatable, Sendable {
  /// d: channels of the latent, bits per latent cell.
  public var latentChannels = 14
  /// Width at full resolution; level i has `baseChannels * channelMultipliers[i]`.
  public var baseChannels = 128
  public var channelMultipliers = [1, 2, 4, 4]
  /// Blocks per encoder level; decoder levels have one more.
  public var residualBlocks = 2
  /// f: pixels along the side of a latent cell.
  public var downsampling = 8
  /// Side of the squares of pixels that the first convolution sees as channels (pixel-unshuffle); 1: none.
  public var stemPatch = 1
  public var normalization = Normalization.group
  /// Guidance of the decoder by the low-quality picture; published tokenizers have none.
  public var guide: GuideConfiguration?

  public init() {}

  /// How many levels, from the finest, halve the resolution: log2(f / stemPatch).
  var downsampledLevels: Int { (downsampling / stemPatch).trailingZeroBitCount }
}

/// Shape of the decoder's guide.
public struct GuideConfiguration: Codable, Equatable, Sendable {
  public var channels: Int
  public var blocks: Int
  /// Pixels of the output per pixel of the low-quality picture, along a side.
  public var scale: Int

  public init(channels: Int, blocks: Int, scale: Int = 4) {
    self.channels = channels
    self.blocks = blocks
    self.scale = scale
  }
}
