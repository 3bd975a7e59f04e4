import Checkpoints
import Foundation
import Torch

/// LPIPS v0.1, the learned perceptual distance (Zhang et al., 2018). With φ_l a layer's features,
/// normalised to length 1 over channels, and w_l its weights:
/// d(x, y) = Σ_l mean over positions of w_l · (φ_l(x) − φ_l(y))².
///
/// Differentiable with respect to both pictures, so that it can be a training loss; its own weights
/// are frozen.
public final class LPIPS: Sendable {
  public enum Network: String, Codable, Sendable, CaseIterable {
    /// AlexNet, the usual metric.
    case alex
    /// VGG16, the usual training loss.
    case vgg

    var file: String { self == .alex ? "alexnet.safetensors" : "vgg16.safetensors" }

    /// The convolutions in order.
    fileprivate var layers: [Layer] {
      switch self {
      case .alex:
        [
          Layer(0, stride: 4, padding: 2, tap: true),
          Layer(3, padding: 2, tap: true, pool: 3),
          Layer(6, tap: true, pool: 3), Layer(8, tap: true), Layer(10, tap: true),
        ]
      case .vgg:
        [
          Layer(0), Layer(2, tap: true),
          Layer(5, pool: 2), Layer(7, tap: true),
          Layer(10, pool: 2), Layer(12), Layer(14, tap: true),
          Layer(17, pool: 2), Layer(19), Layer(21, tap: true),
          Layer(24, pool: 2), Layer(26), Layer(28, tap: true),
        ]
      }
    }
  }

  /// A convolution followed by ReLU.
  fileprivate struct Layer {
    /// Its index in torchvision's `features`.
    let index: Int
    let stride, padding: Int
    /// Whether the distance uses its output.
    let tap: Bool
    /// Window of the max-pooling (stride 2) before it; 0 for none.
    let pool: Int

    init(_ index: Int, stride: Int = 1, padding: Int = 1, tap: Bool = false, pool: Int = 0) {
      (self.index, self.stride, self.padding, self.tap, self.pool) = (
        index, stride, padding, tap, pool
      )
    }
  }

  public let network: Network
  private let layers: [Layer]
  private let convolutions: [(weight: Tensor, bias: Tensor)]
  private let heads: [Tensor]
  private let shift, scale: Tensor
  /// Precision of everything but the convolutions.
  private let precise: DType

  /// - Parameters:
  ///   - weights: the folder that `scripts/metric-weights` wrote.
  ///   - dtype: of the convolutions; distances are computed in float32 (float64 for float64).
  /// - Throws: `ImageQualityError` where the file is missing, `CheckpointError` where it is
  ///   damaged.
  public init(
    _ network: Network, weights: URL = MetricWeights.folder, on device: Device = .cpu,
    dtype: DType = .float32
  ) throws {
    let file = try SafetensorsFile(MetricWeights.path(network.file, in: weights))
    self.network = network
    let precise: DType = dtype == .float64 ? .float64 : .float32
    self.precise = precise
    layers = network.layers
    convolutions = try layers.map { layer in
      (
        try file.tensor("features.\(layer.index).weight").to(dtype).to(device),
        try file.tensor("features.\(layer.index).bias").to(dtype).to(device)
      )
    }
    heads = try (0..<layers.filter(\.tap).count).map {
      try file.tensor("lin.\($0).weight").to(precise).to(device)  // [1, C, 1, 1]
    }
    shift = Tensor([-0.030, -0.088, -0.188] as [Float], shape: [3, 1, 1]).to(precise).to(device)
    scale = Tensor([0.458, 0.448, 0.450] as [Float], shape: [3, 1, 1]).to(precise).to(device)
  }

  /// # Shapes
  /// x and y `[B, 3, H, W]` in [−1, 1], H and W at least 32 → `[B]`.
  public func callAsFunction(_ x: Tensor, _ y: Tensor) -> Tensor {
    distance(features(x), features(y))
  }

  /// Features of a picture, normalised over channels, one tensor `[B, C, h, w]` for each layer
  /// used.
  public func features(_ x: Tensor) -> [Tensor] { activations(x).map(normalized) }

  /// The channels of the layers used.
  public var widths: [Int] { heads.map { $0.size(1) } }

  /// The activations of the layers used, before normalisation: the input of `normalized`, and of
  /// other losses on this network's features.
  public func activations(_ x: Tensor) -> [Tensor] {
    let dtype = convolutions[0].weight.dtype
    var h = ((x.to(precise) - shift) / scale).to(dtype).channelsLast()
    var taps: [Tensor] = []
    for (layer, convolution) in zip(layers, convolutions) {
      if layer.pool > 0 { h = h.maxPool2d(layer.pool, stride: 2) }
      h = h.conv2d(
        convolution.weight, convolution.bias, stride: layer.stride, padding: layer.padding
      ).relu()
      if layer.tap { taps.append(h) }
    }
    return taps
  }

  /// A layer's activations as features of length 1 over channels.
  public func normalized(_ activations: Tensor) -> Tensor {
    let f = activations.to(precise)
    // The small term bounds the derivative by 10⁵ where every feature is nearly 0.
    return f / (f.square().sum([1], keep: true) + 1e-10).sqrt()
  }

  /// The distance of two pictures' `features`, `[B]`; those of a fixed target need computing only
  /// once.
  public func distance(_ a: [Tensor], _ b: [Tensor]) -> Tensor {
    var sum: Tensor?
    for (head, (a, b)) in zip(heads, zip(a, b)) {
      let d = ((a - b).square() * head).sum([1]).mean([1, 2])  // [B]
      sum = sum.map { $0 + d } ?? d
    }
    return sum!
  }
}
