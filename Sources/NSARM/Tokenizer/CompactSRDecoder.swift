import Torch

/// A decoder that spends its operations where they are cheap: a trunk of plain convolutions reads
/// the low-quality picture at its own resolution, the code joins it in the middle, and a
/// pixel-shuffle makes the output, a correction to the enlarged picture. Without its code it is a
/// small super-resolution network (SRVGGNetCompact, as in Real-ESRGAN), whose weights it can start
/// from.
public struct CompactSRDecoder: LatentDecoder {
  let scale: Int
  /// The number of the body's convolutions before the code joins.
  let join: Int
  let convIn, convOut: Conv2d
  let body: [Conv2d]
  /// After the first convolution and after each of the body's.
  let activations: [PReLU]
  let code: CodeBranch?

  /// - Parameter scale: of the model.
  init(
    _ t: TrunkConfiguration, code: CodeBranch?, scale: Int, _ p: ParameterScope
  ) throws {
    self.scale = scale
    self.code = code
    join = t.join
    // Nothing normalises between these convolutions: errors of 8 bits would add up to what can be
    // seen.
    let role = WeightRole.kernel.packed
    convIn = try Conv2d(3, t.channels, role: role, gain: 1.4, p / "conv_in")
    body = try (0..<t.convolutions).map {
      try Conv2d(t.channels, t.channels, role: role, gain: 1.4, p / "body" / $0)
    }
    convOut = try Conv2d(t.channels, 3 * scale * scale, role: role, gain: 0.1, p / "conv_out")
    activations = try (0...t.convolutions).map { try PReLU(t.channels, p / "prelu" / $0) }
  }

  public func callAsFunction(
    _ latent: Tensor?, lowQuality: Tensor?, progress: (Double) throws -> Void
  ) rethrows -> Tensor {
    precondition(lowQuality != nil, "this decoder needs the low-quality picture")
    let added = latent.flatMap { latent in code.map { $0(latent) } }
    let x = ((lowQuality! + 1) * 0.5).channelsLast()
    var h = convIn(x, then: activations[0])
    for (i, convolution) in body.enumerated() {
      if let added, i == join { h = h + added }
      h = convolution(h, then: activations[i + 1])
      try progress(Double(i + 1) / Double(body.count + 1))
    }
    if let added, join == body.count { h = h + added }
    let enlarged = x.resized(x.size(2) * scale, x.size(3) * scale, .nearest)
    return (convOut(h).pixelShuffled(scale).to(.float32) + enlarged) * 2 - 1
  }

  // MARK: Cost

  public var readsLowQuality: Bool { true }

  public var parametersBeforeLatent: [Parameter] {
    ([convIn] + body[..<join]).flatMap { [$0.weight, $0.bias!] }
      + activations[...join].map(\.weight)
  }

  /// Low-quality pixels along the side of a cell.
  private var pixelsPerCell: Int { code?.pixelsPerCell ?? 1 }

  public var reach: Int {
    let side = Double(pixelsPerCell)
    let picture = Double(body.count + 2) / side
    let latent = code == nil ? 0 : 2 + Double(body.count - join + 1) / side
    return Int(max(picture, latent).rounded(.up))
  }

  public var operationsPerCell: Double {
    let trunk = ([convIn, convOut] + body).reduce(0) { $0 + $1.operations }
    return Double(pixelsPerCell * pixelsPerCell) * trunk + (code?.operationsPerCell ?? 0)
  }

  public var valuesPerPixel: Double {
    max(3, Double(convIn.weight.value.size(0)) / Double(scale * scale))
  }
}
