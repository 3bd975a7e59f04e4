import Foundation
import ImageQuality
import Imaging
import Torch

/// All metrics that are available on this machine. Pictures are scored in memory.
///
/// ```swift
/// let suite = try MetricSuite()
/// let scores = suite.scores(restored, suite.reference(original))
/// ```
public final class MetricSuite {
  /// The width in pixels of the border that all metrics but LPIPS, DISTS and CER ignore.
  public let border: Int
  /// The available metrics, in the order of reports.
  public let metrics: [Metric]
  /// The metrics that are not available, for example because their weights are missing.
  public let unavailable: [UnavailableMetric]

  private let alex, vgg: LPIPS?
  private let dists: DISTS?
  private let niqe: NIQE?
  private let brisque: BRISQUE?
  private let recognition: TextRecognition?
  private let device: Device

  /// - Parameters:
  ///   - device: the device that the networks run on.
  ///   - weights: the folder that `scripts/metric-weights` wrote.
  /// - Throws: `CheckpointError` where a file of weights is damaged. A file that is missing or of
  ///   another kind only makes its metrics unavailable.
  public init(border: Int = 0, on device: Device = .cpu, weights: URL = MetricWeights.folder) throws
  {
    precondition(border >= 0, "a border of \(border)")
    var missing: [Metric: String] = [:]
    func load<T>(_ metric: Metric, _ make: () throws -> T) throws -> T? {
      do {
        return try make()
      } catch let error as ImageQualityError {
        missing[metric] = error.description
      } catch let error as EvaluationError {
        missing[metric] = error.description
      }
      return nil
    }
    alex = try load(.lpipsAlex) { try LPIPS(.alex, weights: weights, on: device) }
    vgg = try load(.lpipsVGG) { try LPIPS(.vgg, weights: weights, on: device) }
    dists = try load(.dists) { try DISTS(weights: weights, on: device) }
    niqe = try load(.niqe) { try NIQE(weights: weights) }
    brisque = try load(.brisque) { try BRISQUE(weights: weights) }
    recognition = try load(.characterErrorRate) { try TextRecognition() }
    metrics = Metric.allCases.filter { missing[$0] == nil }
    unavailable =
      Metric.allCases.compactMap { metric in
        missing[metric].map { UnavailableMetric(title: metric.title, reason: $0) }
      } + UnavailableMetric.withoutWeights
    self.border = border
    self.device = device
  }

  /// A reference picture with features that its comparisons share.
  public struct Reference {
    fileprivate let picture: Tensor  // [1, 3, H, W] in [0, 1]
    fileprivate let alex, vgg, dists: [Tensor]?
    fileprivate let text: String?
  }

  /// The largest reference, in pixels, whose features are kept. They take about a kilobyte per
  /// pixel; those of larger references are computed for each comparison, one network after the
  /// other.
  private static let largestCachedArea = 1 << 20

  /// - Parameter image: an RGB or grey picture of any depth; transparency is ignored.
  public func reference(_ image: Image) -> Reference {
    let x = tensor(image)
    let text = admits(.characterErrorRate, x) ? try? recognition?(image) : nil
    guard image.width * image.height <= Self.largestCachedArea else {
      return Reference(picture: x, alex: nil, vgg: nil, dists: nil, text: text)
    }
    func features(_ metric: Metric, _ make: () -> [Tensor]?) -> [Tensor]? {
      admits(metric, x) ? withoutGradients(make) : nil
    }
    let y = x.to(device)
    return Reference(
      picture: x, alex: features(.lpipsAlex) { alex?.features(y.signed) },
      vgg: features(.lpipsVGG) { vgg?.features(y.signed) },
      dists: features(.dists) { dists?.features(y) }, text: text)
  }

  /// The figures of a picture of the reference's size; without a reference, only those that need
  /// none. Metrics for which the picture is too small or too flat are left out, as is CER where the
  /// reference has no text.
  public func scores(_ image: Image, _ reference: Reference?) -> Scores {
    let x = tensor(image)
    return withoutGradients {
      var scores: Scores = [:]
      for metric in metrics where admits(metric, x) {
        if metric.needsReference {
          scores[metric] = reference.flatMap { comparison(metric, image, x, $0) }
        } else {
          scores[metric] = judgement(metric, x)
        }
      }
      return scores
    }
  }

  /// The figures of the reference itself: metrics that need no reference, and its grain and noise.
  public func scores(_ reference: Reference) -> Scores {
    let x = reference.picture
    return withoutGradients {
      Scores(
        uniqueKeysWithValues: metrics.filter { admits($0, x) }.compactMap { metric in
          let score =
            switch metric {
            case .grain, .noise: grain(metric, x, x)
            default: metric.needsReference ? nil : judgement(metric, x)
            }
          return score.map { (metric, $0) }
        })
    }
  }

  private func comparison(
    _ metric: Metric, _ image: Image, _ x: Tensor, _ reference: Reference
  ) -> Double? {
    let y = reference.picture
    precondition(x.shape == y.shape, "a picture of \(x.shape) and a reference of \(y.shape)")
    func lpips(_ network: LPIPS?, _ kept: [Tensor]?) -> Double? {
      network.map {
        $0.distance(
          $0.features(x.to(device).signed), kept ?? $0.features(y.to(device).signed)
        ).item
      }
    }
    switch metric {
    case .psnrY: return peakSignalToNoise(x, y, .luma, border: border)[0]
    case .psnrRGB: return peakSignalToNoise(x, y, .rgb, border: border)[0]
    case .ssimY: return structuralSimilarity(x, y, .luma, border: border)[0]
    case .ssimRGB: return structuralSimilarity(x, y, .rgb, border: border)[0]
    case .msSSIM: return multiScaleStructuralSimilarity(x, y, .luma, border: border)[0]
    case .lpipsAlex: return lpips(alex, reference.alex)
    case .lpipsVGG: return lpips(vgg, reference.vgg)
    case .dists:
      return dists.map {
        $0.distance($0.features(x.to(device)), reference.dists ?? $0.features(y.to(device))).item
      }
    case .characterErrorRate:
      guard let text = reference.text, !text.isEmpty else { return nil }
      return (try? recognition?(image)).map { characterErrorRate($0, reference: text) }
    case .grain, .noise: return grain(metric, x, y)
    case .niqe, .brisque: return nil
    }
  }

  /// Nil where too little of the reference is flat.
  private func grain(_ metric: Metric, _ x: Tensor, _ y: Tensor) -> Double? {
    func inner(_ x: Tensor) -> Tensor {
      x.selected(0, 0).narrowed(1, from: border, count: x.size(2) - 2 * border)
        .narrowed(2, from: border, count: x.size(3) - 2 * border)
    }
    return FlatGrain.levels(
      inner(x), original: inner(y), metric == .grain ? .fine : .coarse)
  }

  /// Nil for pictures without local contrast, which have no statistics.
  private func judgement(_ metric: Metric, _ x: Tensor) -> Double? {
    let picture = x.selected(0, 0)
    let value =
      metric == .niqe
      ? try? niqe?(picture, border: border) : try? brisque?(picture, border: border)
    return value.flatMap { $0.isFinite ? $0 : nil }
  }

  /// Whether a picture `[1, 3, H, W]` is large enough for a metric.
  private func admits(_ metric: Metric, _ x: Tensor) -> Bool {
    let border = metric.leavesOutBorder ? border : 0
    let spare = min(x.size(2), x.size(3)) - metric.minimumSide
    return spare >= 0 && border <= spare / 2
  }

  /// `[1, 3, H, W]` in [0, 1].
  private func tensor(_ image: Image) -> Tensor {
    image.rgb.planes().tensor.unsqueezed(0)
  }
}
