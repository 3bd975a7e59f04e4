import Torch

/// Bitwise self-correction (BSC; `Documentation/method.md`, "Training"): while the scales are
/// built, each bit of q_k is flipped with probability p_k, drawn for every scale from {0, step, 2
/// step, ..., maximum}; the flipped code goes into F_k, the labels stay unflipped, so the model
/// learns to correct errors.
public struct BitwiseSelfCorrection: Codable, Equatable, Sendable {
  /// The samples that share a p_k.
  public enum Sharing: String, CaseIterable, Codable, Sendable {
    /// Every sample has its own.
    case sample
    /// All samples of a batch have the same, as in Infinity's training code.
    case batch
  }

  public var maximum = 0.3
  public var step = 0.01
  public var drawnPer = Sharing.sample

  public init(maximum: Double = 0.3, step: Double = 0.01) {
    self.maximum = maximum
    self.step = step
  }

  /// The mask of flips that numbers of U[0, 1) determine.
  ///
  /// # Shapes
  /// rates, which choose p_k: `[B, 1, 1, 1]` or `[1, 1, 1, 1]`; bits: `[B, d, h, w]`, like the
  /// mask.
  public func flips(rates: Tensor, bits: Tensor) -> Tensor {
    let levels = (maximum / step).rounded() + 1
    return bits .< (rates * levels).floor() * step
  }
}

/// The labels and contexts of one step of training the transformer (`Documentation/method.md`,
/// "Training").
public struct TeacherForcing {
  /// Labels, `[B, L, D]`, boolean.
  public let labels: Tensor
  /// F_{k−1} resized to scale k and patchified, k = 2..K, `[B, L − 1, D]`.
  public let contexts: Tensor
  public let pyramid: TokenPyramid

  /// - Parameters:
  ///   - features: the ground truth's latent before quantisation, `[B, d, H, W]`.
  ///   - schedule: the scales.
  ///   - intervention: given residuals (stage 2) and flips (BSC).
  ///   - contextResize: the interpolation by which F is resized to the next scale.
  public init(
    _ features: Tensor, _ schedule: ScaleSchedule,
    _ intervention: MultiScaleQuantizer.Intervention, contextResize: Tensor.Interpolation
  ) {
    let quantizer = MultiScaleQuantizer(schedule)
    let pyramid = quantizer.encode(features, intervention)
    labels = .concatenated(pyramid.bits.map { schedule.tokens($0.to(.float32)) .> 0.5 }, 1)
    let contexts = (1..<schedule.count).map { k in
      schedule.tokens(quantizer.context(pyramid.sums[k - 1], scale: k, contextResize))
    }
    self.contexts =
      contexts.isEmpty
      ? Tensor.zeros([features.size(0), 0, labels.size(2)], on: features.device)
      : .concatenated(contexts, 1)
    self.pyramid = pyramid
  }
}

/// Cross-entropy of bits, nats: `[B, L, 2 D]` and `[B, L, D]` → mean over bits, `[B, L]`.
///
/// With label smoothing ε the target is 1 − ε / 2 for the true value.
public func bitCrossEntropy(_ logits: Tensor, _ labels: Tensor, smoothing: Double = 0) -> Tensor {
  let pairs = logits.to(.float32).reshaped(labels.shape + [2])
  let margin = pairs.selected(-1, 1) - pairs.selected(-1, 0)  // log odds of value 1
  let target = labels.to(.float32) * (1 - smoothing) + smoothing / 2
  return (margin.softplus() - margin * target).mean([-1])
}

/// Weights of tokens: proportional to √(h_K w_K / (h_k w_k)) per scale, 1 in sum over the sequence,
/// `[L]`. Scales before `firstScale` weigh nothing.
public func scaleWeights(_ schedule: ScaleSchedule, from firstScale: Int = 0) -> Tensor {
  let last = Double(schedule.tokens[schedule.count - 1].count)
  var weights = schedule.tokens.enumerated().flatMap { k, size in
    Array(
      repeating: k < firstScale ? 0 : (last / Double(size.count)).squareRoot(), count: size.count)
  }
  let total = weights.reduce(0, +)
  for index in weights.indices { weights[index] /= total }
  return Tensor(weights).to(.float32)
}
