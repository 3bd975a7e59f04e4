import NSARM
import Torch

/// A summary of a part's activation for a fixed input, in a few numbers.
public struct ActivationSample: Codable, Equatable, Sendable {
  /// "latent", "first scale" or "picture".
  public let name: String
  public let shape: [Int]
  public let mean: Double
  /// The standard deviation, in whose units samples are compared.
  public let deviation: Double
  /// Values at places that are spread over the whole.
  public let values: [Double]

  private static let valueCount = 8

  /// - Parameters:
  ///   - name: of the activation.
  ///   - tensor: its values.
  public init(_ name: String, _ tensor: Tensor) {
    let flat = tensor.detached().to(.float32).to(.cpu).contiguous().values(Float.self)
      .map(Double.init)
    self.name = name
    shape = tensor.shape
    let count = Double(max(flat.count, 1))
    let mean = flat.reduce(0, +) / count
    self.mean = mean
    deviation = (flat.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    values = (0..<Self.valueCount).compactMap { index in
      flat.isEmpty ? nil : flat[(2 * index + 1) * flat.count / (2 * Self.valueCount)]
    }
  }

  /// The distance of another sample of the same activation from this one, in deviations: the
  /// largest difference of their numbers; infinite where the shapes differ.
  /// - Parameter other: the other sample.
  public func distance(to other: ActivationSample) -> Double {
    guard shape == other.shape, values.count == other.values.count else { return .infinity }
    let pairs =
      [(mean, other.mean), (deviation, other.deviation)] + zip(values, other.values)
    let largest = pairs.map { abs($0.0 - $0.1) }.max() ?? 0
    return largest.isFinite ? largest / max(deviation, 1e-12) : .infinity
  }
}

extension ModelConfiguration {
  /// A fixed picture `[1, 3, side, side]` in [-1, 1], with ramps and edges of all directions, made
  /// of whole numbers, so that it is the same everywhere.
  static func verificationPicture(side: Int) -> Tensor {
    var values: [Float] = []
    for channel in 0..<3 {
      for y in 0..<side {
        for x in 0..<side {
          let ramp = (5 * x + 3 * y + 40 * channel) & 127
          values.append(Float(ramp + ((x ^ y) & 127)) / 127 - 1)
        }
      }
    }
    return Tensor(values, shape: [1, 3, side, side])
  }

  /// Activations of the first parts of a model for a fixed picture, in float32: the latent of the
  /// encoder and the first scale of the transformation network; of a model without code the
  /// picture. Other weights are not read.
  /// - Parameter weights: of the model.
  /// - Throws: `CheckpointError`, `ParameterMismatch` where weights are missing or do not fit.
  func activationSamples(_ weights: any TensorSource) throws -> [ActivationSample] {
    let store = ParameterStore(weights)
    /// Ends the construction of the networks that are needed, after which they may run.
    func complete() throws {
      try store.validate(ignoring: { _ in true })
      store.convert(to: .float32)
    }
    if let network {
      let decoder = try network.build(scale: scale, store.root / "network")
      try complete()
      let picture = Self.verificationPicture(side: 32)
      return [ActivationSample("picture", decoder(nil, lowQuality: picture))]
    }
    let encoder = try LatentEncoder(tokenizer, store.root / "tokenizer" / "encoder")
    let map = try transformationNetwork.map {
      try $0.firstScale.build(
        latentChannels: tokenizer.latentChannels, store.root / "map_transformer")
    }
    try complete()
    let picture = Self.verificationPicture(side: tileSide / scale)
    let latent = encoder(picture)
    let first = map?(lowQuality: picture, latent: latent).first
    return [ActivationSample("latent", latent)]
      + (first.map { [ActivationSample("first scale", $0)] } ?? [])
  }
}

extension TransformationNetworkConfiguration {
  /// The network for the first scale alone, where the others are computed apart from it.
  fileprivate var firstScale: TransformationNetworkConfiguration {
    guard case .published(var c) = self else { return self }
    c.widths = Array(c.widths.prefix(1))
    c.layers = Array(c.layers.prefix(1))
    c.heads = Array(c.heads.prefix(1))
    c.scales = Array(c.scales.prefix(1))
    return .published(c)
  }
}
