import Settings
import Torch

/// A size-free transformation network: residual blocks on the low-quality picture at the latent's
/// resolution, then for each scale an adaptive average pool and a small perceptron per cell.
public struct ConvolutionalTransformationNetwork: TransformationNetwork {
  public struct Configuration: Codable, Equatable, Sendable, SettingsSection {
    public var channels = 128
    public var blocks = 4
    /// Pixels of the low-quality picture along the side of a cell that the blocks work on.
    public var patch = 4
    /// Sides of the scales, in latent cells.
    public var scales = [2, 4, 8]

    public init() {}

    public init(channels: Int, blocks: Int, patch: Int, scales: [Int]) {
      self.channels = channels
      self.blocks = blocks
      self.patch = patch
      self.scales = scales
    }

    func validate(_ check: SettingsCheck) throws {
      try check("channels", channels, 1...4096)
      try check("blocks", blocks, 0...64)
      try check("patch", patch, 1...64)
    }
  }

  struct Output {
    let hidden, projection: Conv2d
    let norm: Norm
  }

  let configuration: Configuration
  let convIn: Conv2d
  let blocks: [ResnetBlock]
  let outputs: [Output]

  public init(_ c: Configuration, latentChannels: Int, _ p: ParameterScope) throws {
    configuration = c
    convIn = try Conv2d(
      3 * c.patch * c.patch, c.channels, role: .kernel.packed, p / "conv_in" / "conv")
    blocks = try (0..<c.blocks).map {
      try ResnetBlock(c.channels, c.channels, .channel, p / "block" / $0)
    }
    outputs = try c.scales.indices.map { k in
      let p = p / "output" / k
      return Output(
        hidden: try Conv2d(c.channels, c.channels, kernel: 1, p / "hidden"),
        projection: try Conv2d(c.channels, latentChannels, kernel: 1, gain: 0.1, p / "projection"),
        norm: try Norm(c.channels, .channel, p))
    }
  }

  public var scaleCount: Int { outputs.count }
  public var readsLatent: Bool { false }

  public func callAsFunction(lowQuality: Tensor, latent: Tensor?) -> [Tensor] {
    var h = convIn(lowQuality.pixelUnshuffled(configuration.patch).channelsLast())
    for block in blocks { h = block(h) }
    return zip(outputs, configuration.scales).map { output, side in
      let pooled = h.resized(side, side, .area)
      return output.projection(output.hidden(output.norm(pooled)).gelu()).to(.float32)
    }
  }

  public func operations(pixels: Double) -> Double {
    let cells = pixels / Double(configuration.patch * configuration.patch)
    let trunk = blocks.reduce(convIn.operations) { $0 + $1.operations }
    return zip(outputs, configuration.scales).reduce(trunk * cells) { sum, scale in
      let (output, side) = scale
      return sum + (output.hidden.operations + output.projection.operations) * Double(side * side)
    }
  }
}
