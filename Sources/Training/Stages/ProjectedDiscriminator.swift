import Torch

/// Scores a frozen network's activations with one head per layer, which sees them through a fixed
/// random projection (Sauer et al., Projected GANs, 2021).
final class ProjectedDiscriminator: Discriminator {
  /// The number of channels of the projections and between the convolutions.
  private static let width = 64

  private struct Head {
    let projection: Parameter
    let convolutions: [SpectralConvolution]

    /// # Shapes
    /// `[B, C, h, w]` → `[B, 1, h, w]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
      let square = x.detached().to(.float32).square().mean([1, 2, 3], keep: true)
      var h = (x / (square.sqrt() + 1e-6).to(x.dtype)).conv2d(projection.value.to(x.dtype))
      for (index, convolution) in convolutions.enumerated() {
        h = convolution(index == 0 ? h : h.leakyRelu(0.2))
      }
      return h.to(.float32)
    }
  }

  private let heads: [Head]

  /// - Parameters:
  ///   - channels: the number of channels of each layer.
  ///   - p: the scope of the trained parameters.
  ///   - state: the scope of the projections and other tensors that are not trained.
  init(channels: [Int], _ p: ParameterScope, state: ParameterScope) throws {
    let width = Self.width
    heads = try channels.enumerated().map { layer, channels in
      let (p, state) = (p / layer, state / layer)
      return Head(
        projection: try state(
          "projection", [width, channels, 1, 1], .kernel, .scaledNormal(fanIn: channels)),
        convolutions: try [(width, 3), (width, 3), (1, 1)].enumerated().map { index, shape in
          try SpectralConvolution(
            width, shape.0, kernel: shape.1, p / index, state: state / index)
        })
    }
  }

  /// - Parameter activations: of as many layers as there are heads, or more.
  func scores(_ activations: [Tensor]) -> [Tensor] { zip(heads, activations).map { $0($1) } }

  func prepareUpdate() {
    for head in heads { for convolution in head.convolutions { convolution.iterate() } }
  }
}
