import Torch

/// Information that the tokens of a scale take from the previous frame of a video: where their
/// content was, and its bits. It keeps what does not change from flickering.
public struct TemporalBias: Sendable {
  /// The way from each token to the place of its content in the scene's first frame, whose noise it
  /// takes. `B · L` of them, in tokens of the scale.
  public let displacements: [GridOffset]
  /// The number added to the log odds of a bit of 1: above 0 where the content's bit was 1, below 0
  /// where it was 0, 0 where nothing is known. `[B, L, D]`; nil: nothing known.
  public let bias: Tensor?

  public init(displacements: [GridOffset], bias: Tensor?) {
    self.displacements = displacements
    self.bias = bias
  }

  /// Logits of ones `[B, L, D]` with the bias.
  func raised(_ ones: Tensor) -> Tensor? { bias.map { ones.to(.float32) + $0 } }

  /// Residuals of a forced scale `[B, d, h, w]`, whose signs are the bits: the thresholds give way
  /// by a quarter of the residuals' root mean square per unit of bias. nil: as they are.
  func steadied(_ residual: Tensor, _ schedule: ScaleSchedule, scale k: Int) -> Tensor? {
    bias.map { bias in
      let unit = residual.square().mean([1, 2, 3], keep: true).sqrt() * 0.25  // [B, 1, 1, 1]
      return residual + schedule.map(bias, scale: k) * unit
    }
  }
}
