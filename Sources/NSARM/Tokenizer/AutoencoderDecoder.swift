import Torch

/// The mirror of `LatentEncoder` with one more block per level, as in published tokenizers
/// (`Documentation/method.md`, "Autoencoder").
public struct AutoencoderDecoder: LatentDecoder {
  struct Level {
    let blocks: [ResnetBlock]
    let upsample: Conv2d?
  }

  let stemPatch: Int
  let convIn, convOut: Conv2d
  let levels: [Level]  // coarse to fine
  let middle: MiddleBlocks
  let normOut: Norm

  init(_ c: AutoencoderConfiguration, _ p: ParameterScope) throws {
    stemPatch = c.stemPatch
    let widths = c.channelMultipliers.map { c.baseChannels * $0 }
    var width = widths.last!
    // A dropped code is zero and leaves the bias alone, which has to have a variance to be
    // normalised.
    convIn = try Conv2d(
      c.latentChannels, width, role: .kernel.packed, biasDeviation: 0.5, p / "conv_in" / "conv")
    middle = try MiddleBlocks(width, c.normalization, p / "mid")
    levels = try widths.indices.reversed().map { i in
      let p = p / "up" / i
      let blocks = try (0...c.residualBlocks).map { j in
        defer { width = widths[i] }
        return try ResnetBlock(width, widths[i], c.normalization, p / "block" / j)
      }
      let isUpsampled = i > widths.count - 1 - c.downsampledLevels
      let upsample =
        isUpsampled
        ? try Conv2d(width, width, role: .kernel.quantizable, p / "upsample" / "conv" / "conv")
        : nil
      return Level(blocks: blocks, upsample: upsample)
    }
    normOut = try Norm(width, c.normalization, p / "norm_out")
    convOut = try Conv2d(
      width, 3 * stemPatch * stemPatch, role: .kernel.packed, gain: 0.5, p / "conv_out" / "conv")
  }

  public func callAsFunction(
    _ latent: Tensor?, lowQuality: Tensor?, progress: (Double) throws -> Void
  ) rethrows -> Tensor {
    precondition(latent != nil, "this decoder makes the picture of the latent")
    return output(middleOutput(latent!))
  }

  /// Activations after the middle blocks.
  func middleOutput(_ latent: Tensor) -> Tensor { middle(convIn(latent.channelsLast())) }

  func output(_ middle: Tensor) -> Tensor {
    var h = middle
    for level in levels {
      for block in level.blocks { h = block(h) }
      if let upsample = level.upsample { h = upsample(enlarged: h) }
    }
    h = convOut(normOut.swish(h, for: convOut))
    return stemPatch > 1 ? h.pixelShuffled(stemPatch) : h
  }

  // MARK: Cost

  public var readsLowQuality: Bool { false }
  public var parametersBeforeLatent: [Parameter] { [] }

  /// One position at the resolution of each 3x3 convolution on the way.
  public var reach: Int {
    var reach = 1.0 + 2 * 2  // conv_in and the middle blocks
    var cell = 1.0  // side of a position of the level, in cells
    for level in levels {
      reach += 2 * Double(level.blocks.count) * cell
      if level.upsample != nil {
        cell /= 2
        reach += cell  // the convolution after the enlargement
      }
    }
    return Int((reach + cell).rounded(.up)) + 1
  }

  public var operationsPerCell: Double {
    var sum = convIn.operations + middle.operations
    var positions = 1.0  // of the level, per cell
    for level in levels {
      sum += positions * level.blocks.reduce(0) { $0 + $1.operations }
      if let upsample = level.upsample {
        positions *= 4
        sum += positions * upsample.operations
      }
    }
    return sum + positions * convOut.operations
  }

  /// The finest level takes what the one before it had, enlarged.
  public var valuesPerPixel: Double {
    let finest = levels.last?.blocks.first?.conv1 ?? convOut
    return Double(finest.weight.value.size(1)) / Double(stemPatch * stemPatch)
  }
}
