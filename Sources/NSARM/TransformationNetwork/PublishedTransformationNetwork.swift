import Settings
import Torch

/// The published transformation network (`map_transformer`; `Documentation/method.md`,
/// "Transformation network"): a convolutional trunk, then for each scale convolutions, an adaptive
/// average pool, post-norm transformer layers and a projection. Its layer norms are over `[C, size,
/// size]`, so it takes latents of one size only.
public struct PublishedTransformationNetwork: TransformationNetwork {
  public struct Configuration: Codable, Equatable, Sendable {
    public var widths = [64, 128, 256, 384, 512, 768, 1024]
    public var layers = [4, 6, 8, 10, 12, 14, 16]
    public var heads = [4, 4, 8, 8, 8, 12, 16]
    /// Sides of the scales, in latent cells.
    public var scales = [2, 4, 8, 12, 16, 24, 32]
    /// Side of the latent.
    public var size = 32
    public var feedForwardRatio = 4.0

    public init() {}

    func validate(_ check: SettingsCheck) throws {
      let count = scales.count...scales.count
      try check("widths", widths, 2...4096, count: count)
      try check("layers", layers, 0...128, count: count)
      try check("heads", heads, 1...256, count: count)
      for (width, heads) in zip(widths, heads) {
        try check(
          "widths", width % heads == 0 && width % 2 == 0,
          else: "holds \(width), which has to be even and to divide into \(heads) heads")
      }
      try check("size", size, 1...1024)
      try check("feedForwardRatio", feedForwardRatio, 0.001...64)
    }
  }

  struct ScaleNetwork {
    let transform: [(convolution: Conv2d, norm: LayerNorm)]
    let layers: [PostNormLayer]
    let hidden: Linear
    let norm: LayerNorm
    let projection: Linear
  }

  let configuration: Configuration
  let trunk: [(convolution: Conv2d, norm: LayerNorm)]
  let scales: [ScaleNetwork]

  public init(_ c: Configuration, latentChannels d: Int, _ p: ParameterScope) throws {
    configuration = c
    func stack(_ widths: [Int], _ p: ParameterScope) throws -> [(Conv2d, LayerNorm)] {
      try zip(widths, widths.dropFirst()).enumerated().map { i, pair in
        (
          try Conv2d(pair.0, pair.1, role: .kernel.quantizable, p / (3 * i)),
          try LayerNorm(pair.1, c.size, c.size, epsilon: 1e-5, p / (3 * i + 1))
        )
      }
    }
    trunk = try stack([d, 64, 128, d], p / "feature_extractor")
    scales = try c.scales.indices.map { k in
      let width = c.widths[k]
      return ScaleNetwork(
        transform: try stack([d, width / 2, width], p / "feature_transforms" / k),
        layers: try (0..<c.layers[k]).map {
          try PostNormLayer(
            width, heads: c.heads[k], ratio: c.feedForwardRatio,
            p / "transformers" / k / "layers" / $0)
        },
        hidden: try Linear(width, width / 2, p / "output_projs" / k / 0),
        norm: try LayerNorm(width / 2, epsilon: 1e-5, p / "output_projs" / k / 1),
        projection: try Linear(width / 2, d, p / "output_projs" / k / 3))
    }
  }

  public var scaleCount: Int { scales.count }
  public var readsLatent: Bool { true }

  public func callAsFunction(lowQuality: Tensor, latent: Tensor?) -> [Tensor] {
    let latent = latent!
    let features = features(latent)
    return scales.indices.map { k in
      let side = configuration.scales[k]
      return Self.map(rows(features, scale: k), GridSize(side, side))
    }
  }

  /// The rows `[B, h w, d]` of a scale read as a map `[B, d, h, w]` in memory order, without a
  /// transpose: the published weights were trained on targets made the same way.
  static func map(_ rows: Tensor, _ size: GridSize) -> Tensor {
    rows.reshaped(rows.size(0), rows.size(2), size.height, size.width)
  }

  /// The inverse of `map`: a residual map as the published network's target.
  static func rows(_ map: Tensor) -> Tensor {
    map.reshaped(map.size(0), -1, map.size(1))
  }

  /// Trunk features of a latent, `[B, d, size, size]`.
  func features(_ latent: Tensor) -> Tensor { Self.run(trunk, latent) }

  /// Output of scale k as the network gives it: `[B, s², d]`.
  func rows(_ features: Tensor, scale k: Int) -> Tensor {
    let network = scales[k]
    let side = configuration.scales[k]
    var x = Self.run(network.transform, features).resized(side, side, .area)
      .flattened(from: 2).transposed(1, 2)  // [B, s², D_k]
    for layer in network.layers { x = layer(x) }
    return network.projection(network.norm(network.hidden(x)).gelu())
  }

  public func operations(pixels: Double) -> Double {
    let cells = Double(configuration.size * configuration.size)
    func cost(_ stack: [(convolution: Conv2d, norm: LayerNorm)]) -> Double {
      stack.reduce(0) { $0 + $1.convolution.operations } * cells
    }
    return zip(scales, configuration.scales).reduce(cost(trunk)) { sum, scale in
      let (network, tokens) = (scale.0, Double(scale.1 * scale.1))
      let layers = network.layers.reduce(0) { $0 + $1.operations(tokens: tokens) }
      let output = (network.hidden.operations + network.projection.operations) * tokens
      return sum + cost(network.transform) + layers + output
    }
  }

  private static func run(_ stack: [(convolution: Conv2d, norm: LayerNorm)], _ x: Tensor) -> Tensor
  {
    stack.reduce(x) { x, stage in stage.norm(stage.convolution(x)).gelu() }
  }
}

/// The standard post-norm encoder layer (Vaswani et al., 2017), ReLU.
struct PostNormLayer {
  let qkvWeight, qkvBias: Parameter
  let projection, up, down: Linear
  let norm1, norm2: LayerNorm
  let heads: Int

  init(_ width: Int, heads: Int, ratio: Double, _ p: ParameterScope) throws {
    let attention = p / "self_attn"
    qkvWeight = try attention(
      "in_proj_weight", [3 * width, width], .matrix, .scaledNormal(fanIn: width))
    qkvBias = try attention("in_proj_bias", [3 * width], .vector, .zeros)
    projection = try Linear(width, width, attention / "out_proj")
    let hidden = Int(Double(width) * ratio)
    up = try Linear(width, hidden, p / "linear1")
    down = try Linear(hidden, width, p / "linear2")
    norm1 = try LayerNorm(width, epsilon: 1e-5, p / "norm1")
    norm2 = try LayerNorm(width, epsilon: 1e-5, p / "norm2")
    self.heads = heads
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let (batch, length, width) = (x.size(0), x.size(1), x.size(2))
    let parts = qkvWeight.linear(x, qkvBias.value)
      .reshaped(batch, length, 3, heads, width / heads).permuted(2, 0, 3, 1, 4)
    let mixed = parts.selected(0, 0).attention(parts.selected(0, 1), parts.selected(0, 2))
    let x = norm1(x + projection(mixed.transposed(1, 2).reshaped(batch, length, width)))
    return norm2(x + down(up(x).relu()))
  }

  func operations(tokens: Double) -> Double {
    let matrices =
      qkvWeight.operations + projection.operations + up.operations + down.operations
    return matrices * tokens + 4 * Double(norm1.shape[0]) * tokens * tokens
  }
}
