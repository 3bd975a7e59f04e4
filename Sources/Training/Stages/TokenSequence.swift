import NSARM
import Torch

/// A pyramid of bits as the transformer reads and predicts it.
struct TokenSequence {
  /// The bits of all tokens, `[B, L, D]`, boolean.
  let labels: Tensor
  /// What the tokens after the first read, `[B, L − 1, D]`.
  let contexts: Tensor

  init(_ forcing: TeacherForcing) { (labels, contexts) = (forcing.labels, forcing.contexts) }

  /// - Parameters:
  ///   - bits: of each scale, `[B, d, h_k, w_k]`.
  ///   - last: the number of scales whose sum the later ones read in place of F_{k−1}, as in one
  ///     pass; nil: every scale reads F_{k−1}.
  init(
    bits: [Tensor], _ schedule: ScaleSchedule, resize: Tensor.Interpolation,
    readingFirst last: Int? = nil
  ) {
    let quantizer = MultiScaleQuantizer(schedule)
    var sum: Tensor?
    var contexts: [Tensor] = []
    for k in 1..<schedule.count {
      if k <= last ?? schedule.count { sum = quantizer.accumulate(sum, bits: bits[k - 1]) }
      contexts.append(schedule.tokens(quantizer.context(sum!, scale: k, resize)))
    }
    let device = bits[0].device
    labels = .concatenated(bits.map { schedule.tokens($0.to(.float32)) .> 0.5 }, 1)
    self.contexts =
      contexts.isEmpty
      ? .zeros([labels.size(0), 0, labels.size(2)], on: device) : .concatenated(contexts, 1)
  }

  /// The samples of this sequence where `condition` `[B]` holds, those of `other` elsewhere.
  func selected(where condition: Tensor, else other: TokenSequence) -> TokenSequence {
    let condition = condition.reshaped(-1, 1, 1)
    return TokenSequence(
      labels: labels.selected(where: condition, else: other.labels),
      contexts: contexts.selected(where: condition, else: other.contexts))
  }

  private init(labels: Tensor, contexts: Tensor) {
    (self.labels, self.contexts) = (labels, contexts)
  }
}
