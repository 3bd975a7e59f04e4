import Torch

/// A decoder that spends its operations where they are cheap: a trunk of plain convolutions reads
/// the low-quality picture at its own resolution, the code joins it in the middle, and a
/// pixel-shuffle makes the output, a correction to the enlarged picture. Without its code it is a
/// small super-resolution network (SRVGGNetCompact, as in Real-ESRGAN), whose weights it can start
/// from.
///
/// The code's branch has no biases: a code of zeros adds nothing.
public struct TrunkDecoder: LatentDecoder {
  /// The code's branch: latent → features of the trunk's width at the low-quality picture's
  /// resolution.
  struct CodeBranch {
    let convIn, convOut: Conv2d
    let activation: PReLU

    func callAsFunction(_ latent: Tensor, enlarged factor: Int) -> Tensor {
      convOut(convIn(latent.channelsLast(), then: activation)).pixelShuffled(factor)
    }
  }

  let scale: Int
  /// Low-quality pixels along the side of a cell.
  let pixelsPerCell: Int
  /// How many of the body's convolutions come before the code joins.
  let join: Int
  let convIn, convOut: Conv2d
  let body: [Conv2d]
  /// After the first convolution and after each of the body's.
  let activations: [PReLU]
  let code: CodeBranch

  /// - Parameter scale: of the model.
  init(
    _ t: TrunkConfiguration, _ c: AutoencoderConfiguration, scale: Int, _ p: ParameterScope
  ) throws {
    self.scale = scale
    pixelsPerCell = c.downsampling / scale
    join = t.join
    convIn = try Conv2d(3, t.channels, gain: 1.4, p / "conv_in")
    body = try (0..<t.convolutions).map {
      try Conv2d(t.channels, t.channels, gain: 1.4, p / "body" / $0)
    }
    convOut = try Conv2d(t.channels, 3 * scale * scale, gain: 0.1, p / "conv_out")
    activations = try (0...t.convolutions).map { try PReLU(t.channels, p / "prelu" / $0) }
    let q = p / "code"
    code = CodeBranch(
      convIn: try Conv2d(c.latentChannels, t.codeChannels, bias: false, gain: 1.4, q / "conv_in"),
      convOut: try Conv2d(
        t.codeChannels, t.channels * pixelsPerCell * pixelsPerCell, bias: false, gain: 0.5,
        q / "conv_out"),
      activation: try PReLU(t.codeChannels, q / "prelu"))
  }

  public func callAsFunction(_ latent: Tensor, lowQuality: Tensor?) -> Tensor {
    precondition(lowQuality != nil, "this decoder needs the low-quality picture")
    let x = ((lowQuality! + 1) * 0.5).channelsLast()
    var h = convIn(x, then: activations[0])
    for (i, convolution) in body.enumerated() {
      if i == join { h = h + code(latent, enlarged: pixelsPerCell) }
      h = convolution(h, then: activations[i + 1])
    }
    if join == body.count { h = h + code(latent, enlarged: pixelsPerCell) }
    let enlarged = x.resized(x.size(2) * scale, x.size(3) * scale, .nearest)
    return (convOut(h).pixelShuffled(scale).to(.float32) + enlarged) * 2 - 1
  }

  // MARK: What it costs

  public var readsLowQuality: Bool { true }

  public var parametersBeforeLatent: [Parameter] {
    ([convIn] + body[..<join]).flatMap { [$0.weight, $0.bias!] }
      + activations[...join].map(\.weight)
  }

  public var reach: Int {
    let side = Double(pixelsPerCell)
    let picture = Double(body.count + 2) / side
    let latent = 2 + Double(body.count - join + 1) / side
    return Int(max(picture, latent).rounded(.up))
  }

  public var operationsPerCell: Double {
    let trunk = ([convIn, convOut] + body).reduce(0) { $0 + $1.operations }
    return Double(pixelsPerCell * pixelsPerCell) * trunk + code.convIn.operations
      + code.convOut.operations
  }

  public var valuesPerPixel: Double {
    max(3, Double(convIn.weight.value.size(0)) / Double(scale * scale))
  }
}
