import Torch

/// The branch of a decoder that reads the low-quality picture: latent → what it adds to the
/// features at that picture's resolution. It has no biases: a code of zeros adds nothing.
struct CodeBranch {
  /// Low-quality pixels along the side of a cell.
  let pixelsPerCell: Int
  private let convIn, convOut: Conv2d
  private let activation: PReLU

  /// - Parameters:
  ///   - channels: its width at the latent's resolution.
  ///   - outputs: channels of the features.
  ///   - scale: of the model.
  init(
    channels: Int, outputs: Int, _ c: AutoencoderConfiguration, scale: Int, _ p: ParameterScope
  ) throws {
    pixelsPerCell = c.downsampling / scale
    convIn = try Conv2d(
      c.latentChannels, channels, role: .kernel.packed, bias: false, gain: 1.4, p / "conv_in")
    convOut = try Conv2d(
      channels, outputs * pixelsPerCell * pixelsPerCell, role: .kernel.packed, bias: false,
      gain: 0.5, p / "conv_out")
    activation = try PReLU(channels, p / "prelu")
  }

  func callAsFunction(_ latent: Tensor) -> Tensor {
    convOut(convIn(latent.channelsLast(), then: activation)).pixelShuffled(pixelsPerCell)
  }

  var operationsPerCell: Double { convIn.operations + convOut.operations }
}
