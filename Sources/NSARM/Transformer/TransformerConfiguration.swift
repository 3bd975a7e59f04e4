/// Shape of the visual autoregressive transformer; the defaults are the published 8 B one.
public struct TransformerConfiguration: Codable, Equatable, Sendable {
  /// C: channels of a token.
  public var width = 3584
  /// Blocks.
  public var depth = 40
  /// Attention heads; C / heads is a multiple of 4.
  public var heads = 28
  /// Hidden channels of the feed-forward over C, before rounding to a multiple of 256.
  public var feedForwardRatio = 4.0
  /// Rows of the level embedding: the most scales a schedule may have.
  public var levels = 15
  /// Blocks per chunk in the names of a checkpoint ("block_chunks.A.module.B"); nil: "blocks.B".
  public var blocksPerChunk: Int?
  /// Conditioning on text by cross-attention; nil: none.
  public var text: TextConfiguration?
  /// Conditioning on the low-quality picture: its features are added to the tokens and modulate all
  /// blocks; nil: none.
  public var picture: PictureConditionConfiguration?

  public init() {}

  var feedForwardWidth: Int {
    Int((Double(width) * feedForwardRatio / 256).rounded(.toNearestOrEven)) * 256
  }

  /// Initial gain of what is added to the residual stream, so that its variance does not grow with depth.
  var residualGain: Double { 1 / Double(2 * depth).squareRoot() }
}

public struct TextConfiguration: Codable, Equatable, Sendable {
  /// Channels of the text encoder: 2048 for Flan-T5-XL.
  public var channels = 2048
  /// Longest text, in tokens; rows of the null text.
  public var maximumLength = 512

  public init() {}
}

public struct PictureConditionConfiguration: Codable, Equatable, Sendable {
  public var channels: Int
  public var blocks: Int
  /// Pixels of the low-quality picture along the side of a token of the last scale.
  public var patch: Int

  public init(channels: Int, blocks: Int, patch: Int) {
    self.channels = channels
    self.blocks = blocks
    self.patch = patch
  }
}
