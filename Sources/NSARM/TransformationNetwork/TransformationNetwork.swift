import Torch

/// Maps the low-quality picture to the residual maps R'_1..R'_{K_LR} of the first scales (stage 1).
public protocol TransformationNetwork {
  /// How many scales it gives.
  var scaleCount: Int { get }

  /// - Parameters:
  ///   - lowQuality: the picture, `[B, 3, h, w]` in [-1, 1].
  ///   - latent: its latent `[B, d, h / f, w / f]`, for networks with `readsLatent`.
  /// - Returns: `[B, d, h_k, w_k]` for each scale, in latent cells.
  func callAsFunction(lowQuality: Tensor, latent: Tensor?) -> [Tensor]

  var readsLatent: Bool { get }

  /// Floating-point operations for a low-quality picture of so many pixels, without those of its latent.
  func operations(pixels: Double) -> Double
}

/// Which transformation network a model has, and its shape.
public enum TransformationNetworkConfiguration: Codable, Equatable, Sendable {
  case published(PublishedTransformationNetwork.Configuration)
  case convolutional(ConvolutionalTransformationNetwork.Configuration)

  private enum Keys: String, CodingKey { case published, convolutional }

  /// As `{"convolutional": {...}}` or `{"published": {...}}`.
  public init(from decoder: any Decoder) throws {
    let form = try decoder.container(keyedBy: Keys.self)
    if form.contains(.published) {
      self = .published(
        try form.decode(PublishedTransformationNetwork.Configuration.self, forKey: .published))
    } else {
      self = .convolutional(
        try form.decode(
          ConvolutionalTransformationNetwork.Configuration.self, forKey: .convolutional))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var form = encoder.container(keyedBy: Keys.self)
    switch self {
    case .published(let configuration): try form.encode(configuration, forKey: .published)
    case .convolutional(let configuration): try form.encode(configuration, forKey: .convolutional)
    }
  }

  public func build(latentChannels: Int, _ p: ParameterScope) throws -> any TransformationNetwork {
    switch self {
    case .published(let c):
      try PublishedTransformationNetwork(c, latentChannels: latentChannels, p)
    case .convolutional(let c):
      try ConvolutionalTransformationNetwork(c, latentChannels: latentChannels, p)
    }
  }
}
