import Checkpoints
import Foundation
import Torch

/// DISTS, deep image structure and texture similarity (Ding et al., 2020,
/// https://arxiv.org/abs/2004.07728). With φ_k the channels of the picture itself and of VGG16's
/// five stages, whose max-pooling is replaced by the root of Hanning-weighted squares, and means μ,
/// variances σ² and covariance over positions:
///
/// d(x, y) = 1 − Σ_k α_k (2 μx μy + c) / (μx² + μy² + c) + β_k (2 σxy + c) / (σx² + σy² + c),
/// c = 10⁻⁶, Σ α + β = 1.
///
/// It tolerates resampled textures. Differentiable with respect to both pictures; its own weights
/// are frozen.
public final class DISTS: Sendable {
  /// The convolutions of each stage by their index in torchvision's `features`; every one is 3 x 3
  /// and followed by ReLU.
  private static let stages = [[0, 2], [5, 7], [10, 12, 14], [17, 19, 21], [24, 26, 28]]

  private let stages: [[(weight: Tensor, bias: Tensor)]]
  /// α and β of each stage, the picture first, `[C]`; their total is 1.
  let texture, structure: [Tensor]
  private let mean, deviation: Tensor
  /// The Hanning window of the pooling, `[1, 1, 3, 3]`.
  private let window: Tensor
  /// Precision of everything but the convolutions.
  private let precise: DType

  /// - Parameters:
  ///   - weights: the folder that `scripts/metric-weights` wrote.
  ///   - dtype: of the convolutions; pooling and similarity are computed in float32 (float64 for
  ///     float64).
  /// - Throws: `ImageQualityError` where a file is missing or holds other shapes, `CheckpointError`
  ///   where it is damaged.
  public init(
    weights: URL = MetricWeights.folder, on device: Device = .cpu, dtype: DType = .float32
  ) throws {
    let network = try SafetensorsFile(MetricWeights.path("vgg16.safetensors", in: weights))
    let path = try MetricWeights.path("dists.safetensors", in: weights)
    let file = try SafetensorsFile(path)
    let precise: DType = dtype == .float64 ? .float64 : .float32
    self.precise = precise
    stages = try Self.stages.map { stage in
      try stage.map { index in
        (
          try network.tensor("features.\(index).weight").to(dtype).to(device),
          try network.tensor("features.\(index).bias").to(dtype).to(device)
        )
      }
    }
    let (α, β) = (try file.tensor("alpha").to(.float64), try file.tensor("beta").to(.float64))
    let channels = [3] + stages.map { $0.last!.weight.size(0) }
    guard α.shape == [channels.reduce(0, +)], β.shape == α.shape else {
      throw ImageQualityError(
        "\(path): expected alpha and beta of [\(channels.reduce(0, +))], found \(α.shape) and "
          + "\(β.shape); run scripts/metric-weights")
    }
    let total = α.sum() + β.sum()
    texture = (α / total).to(precise).to(device).split(channels, 0)
    structure = (β / total).to(precise).to(device).split(channels, 0)
    func constant(_ values: [Double], _ shape: [Int]) -> Tensor {
      Tensor(values, shape: shape).to(precise).to(device)
    }
    mean = constant([0.485, 0.456, 0.406], [3, 1, 1])
    deviation = constant([0.229, 0.224, 0.225], [3, 1, 1])
    window = constant([1, 2, 1, 2, 4, 2, 1, 2, 1].map { $0 / 16 }, [1, 1, 3, 3])
  }

  /// # Shapes
  /// x and y `[B, 3, H, W]` in [0, 1], H and W at least 16 → `[B]`, 0 for equal pictures.
  public func callAsFunction(_ x: Tensor, _ y: Tensor) -> Tensor {
    precondition(x.shape == y.shape, "pictures of \(x.shape) and \(y.shape)")
    return distance(features(x), features(y))
  }

  /// The picture and the output of each stage, `[B, C, h, w]`.
  public func features(_ x: Tensor) -> [Tensor] {
    precondition(
      x.rank == 4 && x.size(1) == 3 && x.size(2) >= 16 && x.size(3) >= 16,
      "DISTS needs colour pictures of at least 16 x 16 pixels, not \(x.shape)")
    let picture = x.to(precise)
    let dtype = stages[0][0].weight.dtype
    var taps = [picture]
    var h = ((picture - mean) / deviation).channelsLast()
    for (index, stage) in stages.enumerated() {
      if index > 0 { h = pooled(h) }
      h = h.to(dtype)
      for (weight, bias) in stage { h = h.conv2d(weight, bias, padding: 1).relu() }
      h = h.to(precise)
      taps.append(h)
    }
    return taps
  }

  /// √(window ∗ x²) at every second position, `[B, C, h, w]` → `[B, C, ⌈h/2⌉, ⌈w/2⌉]`; the small
  /// term bounds the derivative.
  private func pooled(_ x: Tensor) -> Tensor {
    let count = x.size(1)
    let power = x.square().conv2d(
      window.repeated([count, 1, 1, 1]), stride: 2, padding: 1, groups: count)
    return (power + 1e-12).sqrt()
  }

  /// The distance of two pictures' `features`, `[B]`; those of a fixed target need computing only
  /// once.
  ///
  /// Computed as a sum of 1 − similarity, (μx − μy)² / (μx² + μy² + c) and mean of ((x − μx) − (y −
  /// μy))² / (σx² + σy² + c), which avoids cancellation and is never negative.
  public func distance(_ a: [Tensor], _ b: [Tensor]) -> Tensor {
    let c = 1e-6
    var sum: Tensor?
    for (stage, (a, b)) in zip(a, b).enumerated() {
      let (μa, μb) = (a.mean([2, 3], keep: true), b.mean([2, 3], keep: true))
      let (x, y) = (a - μa, b - μb)
      let unlikeTexture = (μa - μb).square() / (μa.square() + μb.square() + c)  // [B, C, 1, 1]
      let unlikeStructure =
        (x - y).square().mean([2, 3])
        / (x.square().mean([2, 3]) + y.square().mean([2, 3]) + c)  // [B, C]
      let d = (texture[stage] * unlikeTexture.mean([2, 3]) + structure[stage] * unlikeStructure)
        .sum([1])
      sum = sum.map { $0 + d } ?? d
    }
    return sum!
  }
}
