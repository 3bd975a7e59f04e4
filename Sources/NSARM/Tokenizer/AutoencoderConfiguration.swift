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
  /// The decoder's shape; nil: the mirror of the encoder, with one more block per level.
  public var decoder: DecoderConfiguration?
  /// Guidance of the decoder by the low-quality picture; published tokenizers have none.
  public var guide: GuideConfiguration?

  public init() {}

  /// The decoder's shape, given or the encoder's mirror.
  var decoderShape: DecoderConfiguration {
    decoder
      ?? DecoderConfiguration(
        channels: channelMultipliers.map { baseChannels * $0 },
        blocks: channelMultipliers.map { _ in residualBlocks + 1 })
  }

  /// How many levels, from the finest, halve the resolution: log2(f / stemPatch).
  var downsampledLevels: Int { (downsampling / stemPatch).trailingZeroBitCount }
}

/// Shape of a decoder; the lists have an entry per level, from the finest to the coarsest.
public struct DecoderConfiguration: Codable, Equatable, Sendable {
  public var channels: [Int]
  public var blocks: [Int]
  /// Widths after each doubling of the resolution from 1/`stemPatch` to 1, by a convolution and a
  /// pixel-shuffle by 2; empty: the last convolution and one pixel-shuffle by `stemPatch`.
  public var head: [Int]

  public init(channels: [Int], blocks: [Int], head: [Int] = []) {
    self.channels = channels
    self.blocks = blocks
    self.head = head
  }

  /// - Throws: `ConfigurationError` where the lists do not suit the autoencoder's levels.
  func validate(_ c: AutoencoderConfiguration) throws {
    let levels = c.channelMultipliers.count
    guard channels.count == levels, blocks.count == levels else {
      throw ConfigurationError(
        "the decoder needs 'channels' and 'blocks' for each of \(levels) levels")
    }
    guard head.isEmpty || 1 << head.count == c.stemPatch else {
      throw ConfigurationError(
        "the decoder's 'head' has to enlarge by \(c.stemPatch): \(c.stemPatch.trailingZeroBitCount) widths"
      )
    }
  }
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
