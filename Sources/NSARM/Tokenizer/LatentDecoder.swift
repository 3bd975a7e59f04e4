import Torch

/// Latent → picture.
public protocol LatentDecoder {
  /// Whether it reads the low-quality picture beside the latent.
  var readsLowQuality: Bool { get }

  /// What it computes from the low-quality picture before it reads the latent.
  var parametersBeforeLatent: [Parameter] { get }

  /// How many cells beyond its own an output pixel depends on, where nothing normalises over the
  /// whole picture.
  var reach: Int { get }

  /// Floating-point operations per cell of the latent.
  var operationsPerCell: Double { get }

  /// Values of the largest activation per output pixel.
  var valuesPerPixel: Double { get }

  /// # Shapes
  /// latent `[B, d, h, w]` → `[B, 3, f h, f w]`, about [-1, 1], not clamped; `lowQuality`
  /// `[B, 3, f h / scale, f w / scale]` in [-1, 1] where the decoder reads it.
  func callAsFunction(_ latent: Tensor, lowQuality: Tensor?) -> Tensor
}

extension LatentDecoder {
  /// Of a decoder that does not read the low-quality picture.
  public func callAsFunction(_ latent: Tensor) -> Tensor { self(latent, lowQuality: nil) }
}

extension AutoencoderConfiguration {
  /// - Parameter scale: of the model.
  func buildDecoder(scale: Int, _ p: ParameterScope) throws -> any LatentDecoder {
    if let trunk { return try TrunkDecoder(trunk, self, scale: scale, p) }
    return try MirrorDecoder(self, p)
  }
}
