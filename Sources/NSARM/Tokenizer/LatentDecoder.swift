import Torch

/// Latent → picture. A decoder that reads the low-quality picture may do without the latent.
public protocol LatentDecoder {
  /// Whether it reads the low-quality picture beside the latent.
  var readsLowQuality: Bool { get }

  /// The parameters of the layers that read the low-quality picture before the latent joins.
  var parametersBeforeLatent: [Parameter] { get }

  /// The number of cells beyond its own that an output pixel depends on, where nothing normalises
  /// over the whole picture; of a deep network those that it visibly depends on.
  var reach: Int { get }

  /// The number of cells to each side of their border in which neighbouring windows fade into each
  /// other, where the decoder sees further than `reach`; 0: windows agree.
  var overlap: Int { get }

  /// Floating-point operations per cell of the latent.
  var operationsPerCell: Double { get }

  /// Values of the largest activation per output pixel.
  var valuesPerPixel: Double { get }

  /// A picture `[B, 3, f h, f w]`, about [-1, 1], not clamped.
  ///
  /// - Parameters:
  ///   - latent: `[B, d, h, w]`; nil: nothing but the low-quality picture counts.
  ///   - lowQuality: `[B, 3, f h / scale, f w / scale]` in [-1, 1], where the decoder reads it.
  ///   - progress: called at intervals with the share that is done; an error thrown here stops the
  ///     work.
  func callAsFunction(
    _ latent: Tensor?, lowQuality: Tensor?, progress: (Double) throws -> Void
  ) rethrows -> Tensor
}

extension LatentDecoder {
  public var overlap: Int { 0 }

  public func callAsFunction(_ latent: Tensor?, lowQuality: Tensor?) -> Tensor {
    self(latent, lowQuality: lowQuality, progress: { _ in })
  }

  /// The picture of a decoder that does not read the low-quality one.
  public func callAsFunction(_ latent: Tensor) -> Tensor { self(latent, lowQuality: nil) }
}

extension AutoencoderConfiguration {
  /// - Parameter scale: of the model.
  func buildDecoder(scale: Int, _ p: ParameterScope) throws -> any LatentDecoder {
    if let trunk {
      let code = try CodeBranch(
        channels: trunk.codeChannels, outputs: trunk.channels, self, scale: scale, p / "code")
      return try CompactSRDecoder(trunk, code: code, scale: scale, p)
    }
    if let residualDense {
      let code = try CodeBranch(
        channels: residualDense.codeChannels, outputs: residualDense.channels, self, scale: scale,
        p / "code")
      return try ResidualDenseDecoder(residualDense, code: code, scale: scale, p)
    }
    return try AutoencoderDecoder(self, p)
  }
}

extension NetworkConfiguration {
  package func build(scale: Int, _ p: ParameterScope) throws -> any LatentDecoder {
    switch self {
    case .trunk(let c): try CompactSRDecoder(c, code: nil, scale: scale, p)
    case .residualDense(let c): try ResidualDenseDecoder(c, code: nil, scale: scale, p)
    }
  }
}
