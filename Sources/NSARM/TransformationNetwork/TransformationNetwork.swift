import Settings
import Torch

/// Maps the low-quality picture to the residual maps R'_1..R'_{K_LR} of the first scales (stage 1).
public protocol TransformationNetwork {
  /// The number of scales that it gives.
  var scaleCount: Int { get }

  /// - Parameters:
  ///   - lowQuality: the picture, `[B, 3, h, w]` in [-1, 1].
  ///   - latent: its latent `[B, d, h / f, w / f]`, for networks with `readsLatent`.
  /// - Returns: `[B, d, h_k, w_k]` for each scale, in latent cells.
  func callAsFunction(lowQuality: Tensor, latent: Tensor?) -> [Tensor]

  var readsLatent: Bool { get }

  /// Floating-point operations for a low-quality picture of this many pixels, without those of its
  /// latent.
  func operations(pixels: Double) -> Double
}

/// Which transformation network a model has, and its shape.
public enum TransformationNetworkConfiguration: Codable, Equatable, Sendable {
  case published(PublishedTransformationNetwork.Configuration)
  case convolutional(ConvolutionalTransformationNetwork.Configuration)

  private enum Keys: String, CodingKey { case published, convolutional }

  /// Reads `{"convolutional": {...}}` or `{"published": {...}}`.
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

  /// Sides of the scales, in latent cells.
  var scales: [Int] {
    switch self {
    case .published(let c): c.scales
    case .convolutional(let c): c.scales
    }
  }

  /// - Parameters:
  ///   - scales: the latents of the schedule, coarse to fine.
  ///   - lowQuality: the low-quality picture of a tile, in pixels.
  ///   - pixelsPerCell: side of a cell in pixels of any picture.
  func validate(
    _ check: SettingsCheck, scales latents: [GridSize], lowQuality: GridSize, pixelsPerCell: Int
  ) throws {
    let section = check / (readsLatent ? "published" : "convolutional")
    let expected = latents.prefix(max(scales.count, 1)).map { ($0.height, $0.width) }
    try section(
      "scales",
      !scales.isEmpty && expected.map { $0.0 } == scales && expected.map { $0.1 } == scales,
      else: "is \(scales); the first scales of 'schedule' are expected, in latent cells:"
        + " \(latents.map(\.description).joined(separator: " "))")
    switch self {
    case .published(let c):
      try c.validate(section)
      try section(
        "size", lowQuality == GridSize(c.size, c.size) * pixelsPerCell,
        else: "is \(c.size), but low-quality tiles of \(lowQuality) pixels have other latents")
    case .convolutional(let c):
      try c.validate(section)
      try section(
        "patch", lowQuality.isMultiple(of: c.patch),
        else: "is \(c.patch), which does not divide low-quality tiles of \(lowQuality) pixels")
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
