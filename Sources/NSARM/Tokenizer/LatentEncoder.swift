import Torch

/// Picture → latent (`Documentation/method.md`, "Autoencoder").
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

  /// - Parameter isWide: whether its latent decides bits, which errors would flip.
  package init(_ c: AutoencoderConfiguration, isWide: Bool = false, _ p: ParameterScope) throws {
    // Plain: it sees the small picture once.
    let role = isWide ? WeightRole.kernel.wide : .kernel
    stemPatch = c.stemPatch
    convIn = try Conv2d(
      3 * stemPatch * stemPatch, c.baseChannels, role: role, p / "conv_in" / "conv")
    var width = c.baseChannels
    levels = try c.channelMultipliers.enumerated().map { i, multiplier in
      let p = p / "down" / i
      let outputs = c.baseChannels * multiplier
      let blocks = try (0..<c.residualBlocks).map { j in
        defer { width = outputs }
        return try ResnetBlock(width, outputs, c.normalization, role: role, p / "block" / j)
      }
      let downsample =
        i < c.downsampledLevels
        ? try Conv2d(
          width, width, stride: 2, padding: 0, role: role, p / "downsample" / "conv" / "conv")
        : nil
      return Level(blocks: blocks, downsample: downsample)
    }
    middle = try MiddleBlocks(width, c.normalization, role: role, p / "mid")
    normOut = try Norm(width, c.normalization, p / "norm_out")
    convOut = try Conv2d(width, c.latentChannels, role: role, p / "conv_out" / "conv")
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

  /// Floating-point operations for a picture of this many pixels.
  package func operations(pixels: Double) -> Double {
    var positions = pixels / Double(stemPatch * stemPatch)  // of the level
    var sum = positions * convIn.operations
    for level in levels {
      sum += positions * level.blocks.reduce(0) { $0 + $1.operations }
      if let downsample = level.downsample {
        positions /= 4
        sum += positions * downsample.operations
      }
    }
    return sum + positions * (middle.operations + convOut.operations)
  }
}
