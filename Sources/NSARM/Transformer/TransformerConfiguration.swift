import Settings

/// Shape of the visual autoregressive transformer; the defaults are the published 8 B one.
public struct TransformerConfiguration: Codable, Equatable, Sendable, SettingsSection {
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

  package var feedForwardWidth: Int {
    Int((Double(width) * feedForwardRatio / 256).rounded(.toNearestOrEven)) * 256
  }

  /// Initial gain of the layers that add to the residual stream, so that its variance does not grow
  /// with depth.
  var residualGain: Double { 1 / Double(2 * depth).squareRoot() }

  func validate(_ check: SettingsCheck) throws {
    try check("width", width, 4...65536)
    try check("depth", depth, 1...512)
    try check("heads", heads, 1...256)
    try check(
      "width", width % (4 * heads) == 0,
      else: "is \(width), which does not divide into \(heads) heads of 4n channels")
    try check("feedForwardRatio", feedForwardRatio, 0.001...64)
    try check(
      "feedForwardRatio", feedForwardWidth > 0,
      else: "is \(feedForwardRatio), which leaves no channels in steps of 256")
    try check("levels", levels, 1...1024)
    if let blocksPerChunk { try check("blocksPerChunk", blocksPerChunk, 1...512) }
    if let text {
      try (check / "text")("channels", text.channels, 1...65536)
      try (check / "text")(
        "channels", text.channels >= 128 && width % (text.channels / 128) == 0,
        else: "is \(text.channels); one head per 128 channels has to divide the width, \(width)")
      try (check / "text")("maximumLength", text.maximumLength, 1...65536)
    }
    if let picture {
      try (check / "picture")("channels", picture.channels, 1...4096)
      try (check / "picture")("blocks", picture.blocks, 0...64)
      try (check / "picture")("patch", picture.patch, 1...64)
    }
    try check(
      "picture", text != nil || picture != nil,
      else: "is missing, and so is 'text'; one of them has to condition the transformer")
  }
}

public struct TextConfiguration: Codable, Equatable, Sendable, SettingsSection {
  /// Channels of the text encoder: 2048 for Flan-T5-XL.
  public var channels = 2048
  /// Longest text, in tokens; rows of the null text.
  public var maximumLength = 512

  public init() {}
}

public struct PictureConditionConfiguration: Codable, Equatable, Sendable, SettingsSection {
  public var channels = 128
  public var blocks = 2
  /// Pixels of the low-quality picture along the side of a token of the last scale.
  public var patch = 4

  public init() {}

  public init(channels: Int, blocks: Int, patch: Int) {
    self.channels = channels
    self.blocks = blocks
    self.patch = patch
  }
}
