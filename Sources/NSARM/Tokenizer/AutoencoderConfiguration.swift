import Settings

/// Shape of a tokenizer's autoencoder; the defaults are the published f8 d14 one.
public struct AutoencoderConfiguration: Codable, Equatable, Sendable, SettingsSection {
  /// d: channels of the latent, bits per latent cell.
  public var latentChannels = 14
  /// Width at full resolution; level i has `baseChannels * channelMultipliers[i]`.
  public var baseChannels = 128
  public var channelMultipliers = [1, 2, 4, 4]
  /// Blocks per encoder level; decoder levels have one more.
  public var residualBlocks = 2
  /// f: pixels along the side of a latent cell.
  public var downsampling = 8
  /// Side of the squares of pixels that the first convolution sees as channels (pixel-unshuffle);
  /// 1: none.
  public var stemPatch = 1
  public var normalization = Normalization.group
  /// A decoder that reads the low-quality picture; nil: the mirror of the encoder, as published.
  public var trunk: TrunkConfiguration?
  /// The same with a larger network in place of the trunk.
  public var residualDense: ResidualDenseConfiguration?

  public init() {}

  /// The number of levels, from the finest, that halve the resolution: log2(f / stemPatch).
  var downsampledLevels: Int { (downsampling / stemPatch).trailingZeroBitCount }

  /// - Parameter scale: of the model.
  func validate(_ check: SettingsCheck, scale: Int) throws {
    try check("latentChannels", latentChannels, 1...256)
    try check("baseChannels", baseChannels, 1...4096)
    try check("channelMultipliers", channelMultipliers, 1...64, count: 1...8)
    try check("residualBlocks", residualBlocks, 1...64)
    try check("downsampling", downsampling, 1...64)
    try check("stemPatch", stemPatch, 1...64)
    func isPower(_ side: Int) -> Bool { side & (side - 1) == 0 }
    try check("downsampling", isPower(downsampling), else: "is \(downsampling), no power of two")
    try check(
      "stemPatch", isPower(stemPatch) && downsampling % stemPatch == 0,
      else:
        "is \(stemPatch); a power of two that divides 'downsampling', \(downsampling), is needed")
    try check(
      "channelMultipliers", downsampledLevels <= channelMultipliers.count,
      else:
        "has \(channelMultipliers.count) levels; halving \(downsampling) / \(stemPatch) pixels to one"
        + " cell takes \(downsampledLevels)")
    try check(
      "downsampling", downsampling % scale == 0,
      else:
        "is \(downsampling); cells have to be whole pixels of the low-quality picture, \(scale) times larger"
    )
    if normalization == .group {
      for width in channelMultipliers.map({ baseChannels * $0 }) + [baseChannels] {
        try check(
          "baseChannels", width % Norm.groups(width) == 0,
          else: "makes levels of \(width) channels; groups need multiples of 24 or 32")
      }
    }
    try trunk?.validate(check / "trunk", scale: scale)
    try residualDense?.validate(check / "residualDense", scale: scale)
    try check(
      "residualDense", trunk == nil || residualDense == nil,
      else: "is there beside 'trunk'; a model has one decoder")
    for (key, channels) in [
      ("trunk", trunk?.codeChannels), ("residualDense", residualDense?.codeChannels),
    ] {
      try (check / key)(
        "codeChannels", channels != 0, else: "is 0, but a tokenizer's decoder reads its code")
    }
  }
}
