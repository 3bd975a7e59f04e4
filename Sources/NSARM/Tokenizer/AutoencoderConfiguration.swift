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
  /// A decoder that reads the low-quality picture; nil: the mirror of the encoder, as published.
  public var trunk: TrunkConfiguration?

  public init() {}

  /// How many levels, from the finest, halve the resolution: log2(f / stemPatch).
  var downsampledLevels: Int { (downsampling / stemPatch).trailingZeroBitCount }
}

/// Shape of a `TrunkDecoder`; the defaults are those of a published network of 0.62 M parameters.
public struct TrunkConfiguration: Codable, Equatable, Sendable {
  public var channels = 64
  /// 3x3 convolutions between the first and the last one.
  public var convolutions = 16
  /// How many of them come before the code joins.
  public var join = 8
  /// Width of the code's branch at the latent's resolution.
  public var codeChannels = 64
  /// Pixels of the output per pixel of the low-quality picture, along a side.
  public var scale = 4

  public init() {}
}
