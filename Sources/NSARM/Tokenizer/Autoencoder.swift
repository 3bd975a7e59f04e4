import Torch

/// How the blocks of the autoencoder normalise.
public enum Normalization: String, Codable, Sendable {
  /// GroupNorm with 32 groups (24 where 32 does not divide the width): published tokenizers.
  case group
  /// Layer normalisation over the channels of each position: the picture then depends on a bounded
  /// neighbourhood only, so that tiles agree with the whole.
  case channel
}

/// Normalisation of `[B, C, H, W]` with an affine map per channel.
struct Norm {
  let weight, bias: Parameter
  let kind: Normalization
  let groups: Int

  init(_ channels: Int, _ kind: Normalization, _ p: ParameterScope) throws {
    let p = p / "norm"
    weight = try p("weight", [channels], .ones)
    bias = try p("bias", [channels], .zeros)
    self.kind = kind
    groups = channels % 32 == 0 ? 32 : 24
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    switch kind {
    case .group:
      x.groupNorm(groups, weight.value, bias.value, epsilon: 1e-6)
    case .channel:
      x.channelNorm(weight.value, bias.value, epsilon: 1e-6)
    }
  }

  /// swish(norm(x)) as the input of `next`.
  func swish(_ x: Tensor, for next: Conv2d) -> Tensor {
    guard kind == .channel else { return self(x).silu() }
    if let range = next.weight.inputRange {
      return x.channelNormQuantized(
        weight.value, bias.value, epsilon: 1e-6, silu: true, scale: range.scale,
        zeroPoint: range.zeroPoint)
    }
    return x.channelNorm(weight.value, bias.value, epsilon: 1e-6, silu: true)
  }
}

/// x + conv2(swish(norm2(conv1(swish(norm1(x)))))), with a 1x1 shortcut where the widths differ.
///
/// # Shapes
/// `[B, I, H, W]` → `[B, O, H, W]`.
struct ResnetBlock {
  let norm1, norm2: Norm
  let conv1, conv2: Conv2d
  let shortcut: Conv2d?

  init(_ inputs: Int, _ outputs: Int, _ kind: Normalization, _ p: ParameterScope) throws {
    norm1 = try Norm(inputs, kind, p / "norm1")
    conv1 = try Conv2d(inputs, outputs, p / "conv1" / "conv")
    norm2 = try Norm(outputs, kind, p / "norm2")
    conv2 = try Conv2d(outputs, outputs, gain: 0.5, p / "conv2" / "conv")
    shortcut =
      inputs == outputs
      ? nil : try Conv2d(inputs, outputs, kernel: 1, p / "nin_shortcut" / "conv")
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = conv2(norm2.swish(conv1(norm1.swish(x, for: conv1)), for: conv2))
    return (shortcut?(x) ?? x) + h
  }
}

/// The two blocks at the lowest resolution.
struct MiddleBlocks {
  let block1, block2: ResnetBlock

  init(_ channels: Int, _ kind: Normalization, _ p: ParameterScope) throws {
    block1 = try ResnetBlock(channels, channels, kind, p / "block_1")
    block2 = try ResnetBlock(channels, channels, kind, p / "block_2")
  }

  func callAsFunction(_ x: Tensor) -> Tensor { block2(block1(x)) }
}

/// Picture → latent (SPEC 1).
public struct LatentEncoder {
  struct Level {
    let blocks: [ResnetBlock]
    let downsample: Conv2d?
  }

  let stemPatch: Int
  let convIn, convOut: Conv2d
  let levels: [Level]
  let middle: MiddleBlocks
  let normOut: Norm

  init(_ c: AutoencoderConfiguration, _ p: ParameterScope) throws {
    stemPatch = c.stemPatch
    convIn = try Conv2d(3 * stemPatch * stemPatch, c.baseChannels, p / "conv_in" / "conv")
    var width = c.baseChannels
    levels = try c.channelMultipliers.enumerated().map { i, multiplier in
      let p = p / "down" / i
      let outputs = c.baseChannels * multiplier
      let blocks = try (0..<c.residualBlocks).map { j in
        defer { width = outputs }
        return try ResnetBlock(width, outputs, c.normalization, p / "block" / j)
      }
      let downsample =
        i < c.downsampledLevels
        ? try Conv2d(
          width, width, stride: 2, padding: 0, p / "downsample" / "conv" / "conv") : nil
      return Level(blocks: blocks, downsample: downsample)
    }
    middle = try MiddleBlocks(width, c.normalization, p / "mid")
    normOut = try Norm(width, c.normalization, p / "norm_out")
    convOut = try Conv2d(width, c.latentChannels, p / "conv_out" / "conv")
  }

  /// # Shapes
  /// x `[B, 3, H, W]` in [-1, 1], H and W multiples of f → `[B, d, H / f, W / f]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { output(middle(trunk(x))) }

  /// Activations before the middle blocks.
  func trunk(_ x: Tensor) -> Tensor {
    var h = convIn((stemPatch == 1 ? x : x.pixelUnshuffled(stemPatch)).channelsLast())
    for level in levels {
      for block in level.blocks { h = block(h) }
      if let downsample = level.downsample { h = downsample(h.padded([0, 1, 0, 1])) }
    }
    return h
  }

  func output(_ h: Tensor) -> Tensor { convOut(normOut.swish(h, for: convOut)) }
}

/// Latent → picture, the mirror of `LatentEncoder` with one more block per level (SPEC 1) unless the
/// configuration gives the decoder a shape of its own. Where it has a guide, features of the low-quality picture are added at its resolution, and the
/// result is a correction to its bicubic enlargement.
public struct LatentDecoder {
  struct Level {
    let blocks: [ResnetBlock]
    let upsample: Conv2d?
  }

  let stemPatch: Int
  let convIn, convOut: Conv2d
  let levels: [Level]  // coarse to fine
  let middle: MiddleBlocks
  let normOut: Norm
  let head: [Conv2d]
  let guide: Guide?

  init(_ c: AutoencoderConfiguration, _ p: ParameterScope) throws {
    let shape = c.decoderShape
    try shape.validate(c)
    stemPatch = c.stemPatch
    var width = shape.channels.last!
    // A dropped code is zero and leaves the bias alone, which has to have a variance to be normalised.
    convIn = try Conv2d(c.latentChannels, width, biasDeviation: 0.5, p / "conv_in" / "conv")
    middle = try MiddleBlocks(width, c.normalization, p / "mid")
    levels = try shape.channels.indices.reversed().map { i in
      let p = p / "up" / i
      let outputs = shape.channels[i]
      let blocks = try (0..<shape.blocks[i]).map { j in
        defer { width = outputs }
        return try ResnetBlock(width, outputs, c.normalization, p / "block" / j)
      }
      let isUpsampled = i > shape.channels.count - 1 - c.downsampledLevels
      let upsample = isUpsampled ? try Conv2d(width, width, p / "upsample" / "conv" / "conv") : nil
      return Level(blocks: blocks, upsample: upsample)
    }
    normOut = try Norm(width, c.normalization, p / "norm_out")
    head = try shape.head.enumerated().map { j, outputs in
      defer { width = outputs }
      return try Conv2d(width, 4 * outputs, gain: 1.4, p / "head" / j / "conv")
    }
    let pixels = head.isEmpty ? stemPatch * stemPatch : 1
    // A guided decoder starts as the bicubic enlargement that it corrects.
    convOut = try Conv2d(
      width, 3 * pixels, gain: c.guide == nil ? 0.5 : 0.1, p / "conv_out" / "conv")
    guide = try c.guide.map { try Guide($0, c, p / "guide") }
  }

  /// # Shapes
  /// latent `[B, d, h, w]` → `[B, 3, f h, f w]`, about [-1, 1], not clamped; `lowQuality`
  /// `[B, 3, f h / 4, f w / 4]` in [-1, 1] where the decoder has a guide.
  public func callAsFunction(_ latent: Tensor, lowQuality: Tensor? = nil) -> Tensor {
    output(middleOutput(latent), lowQuality: lowQuality)
  }

  /// Activations after the middle blocks.
  func middleOutput(_ latent: Tensor) -> Tensor { middle(convIn(latent.channelsLast())) }

  func output(_ middle: Tensor, lowQuality: Tensor?) -> Tensor {
    precondition(
      (guide == nil) || lowQuality != nil, "a guided decoder needs the low-quality picture")
    var h = middle
    for (index, level) in levels.enumerated() {
      if let guide, index == guide.level { h = h + guide(lowQuality!) }
      for block in level.blocks { h = block(h) }
      if let upsample = level.upsample {
        h = upsample(h.resized(2 * h.size(2), 2 * h.size(3), .nearest))
      }
    }
    h = normOut.swish(h, for: head.first ?? convOut)
    for convolution in head { h = convolution(h).pixelShuffled(2).silu() }
    h = convOut(h)
    let picture = head.isEmpty && stemPatch > 1 ? h.pixelShuffled(stemPatch) : h
    guard let guide, let lowQuality else { return picture }
    return picture.to(.float32) + guide.enlarged(lowQuality)
  }
}

/// Features of the low-quality picture, computed at its own resolution.
struct Guide {
  /// Index, coarse to fine, of the decoder level that works at the low-quality picture's resolution.
  let level: Int
  let scale: Int
  let convIn, convOut: Conv2d
  let blocks: [ResnetBlock]

  init(_ g: GuideConfiguration, _ c: AutoencoderConfiguration, _ p: ParameterScope) throws {
    // The resolution doubles with each upsampled level, from 1/f.
    let channels = c.decoderShape.channels
    var shrink = c.downsampling
    var found: (index: Int, inputs: Int)?
    var width = channels.last!
    for (index, i) in channels.indices.reversed().enumerated() {
      if shrink == g.scale, found == nil { found = (index, width) }
      width = channels[i]
      if i > channels.count - 1 - c.downsampledLevels { shrink /= 2 }
    }
    guard let found else {
      throw ConfigurationError("the decoder has no level at 1/\(g.scale) for its guide")
    }
    level = found.index
    scale = g.scale
    convIn = try Conv2d(3, g.channels, p / "conv_in" / "conv")
    blocks = try (0..<g.blocks).map {
      try ResnetBlock(g.channels, g.channels, c.normalization, p / "block" / $0)
    }
    convOut = try Conv2d(g.channels, found.inputs, kernel: 1, p / "conv_out" / "conv")
  }

  func callAsFunction(_ lowQuality: Tensor) -> Tensor {
    var h = convIn(lowQuality.channelsLast())
    for block in blocks { h = block(h) }
    return convOut(h)
  }

  func enlarged(_ lowQuality: Tensor) -> Tensor {
    lowQuality.resized(
      lowQuality.size(2) * scale, lowQuality.size(3) * scale, .bicubicAntialiased)
  }
}
