import NSARM
import Torch

/// Direct preference optimisation (Rafailov et al., 2023) of a transformer's bits: −log σ(β ((ℓ(w)
/// − ℓ₀(w)) − (ℓ(l) − ℓ₀(l)))) for a preferred pyramid w and a rejected one l, with ℓ the
/// log-likelihood under teacher forcing and ℓ₀ that of the frozen model that the run started from.
final class PreferenceLoss {
  /// The logits of a sequence, `[B, L, 2 D]`.
  typealias Logits = (TokenSequence) throws -> Tensor

  let settings: PreferenceSettings
  private let reference: Model
  private let texts: TextConditioning?
  private let rotary: RotaryEmbedding
  private let weights: Tensor

  /// - Parameters:
  ///   - reference: the start model, whose parameters are frozen here.
  ///   - weights: of the tokens, 1 in sum, `[L]`.
  init(
    _ settings: PreferenceSettings, reference: Model, _ start: StageStart,
    _ rotary: RotaryEmbedding, weights: Tensor
  ) {
    self.settings = settings
    self.reference = reference
    self.rotary = rotary
    self.weights = weights
    texts = TextConditioning(reference, start)
    reference.freeze(except: [])
  }

  func prepare(
    captions: Set<String>, in folder: String, progress: (Double) throws -> Void
  ) throws {
    try texts?.prepare(captions, in: folder, progress: progress)
  }

  /// The term of a batch, one element, and its figures.
  /// - Parameters:
  ///   - original: the bits of the originals, and the trained model's logits of them.
  ///   - lowQuality: makes the bits of the enlarged low-quality pictures.
  ///   - logits: of the trained model.
  func callAsFunction(
    _ original: (tokens: TokenSequence, logits: Tensor), lowQuality: () -> TokenSequence,
    _ batch: TrainingBatch, logits: Logits
  ) throws -> (loss: Tensor, figures: [String: Double]) {
    func gain(_ tokens: TokenSequence, _ logits: Tensor) throws -> Tensor {
      let fixed = try withoutGradients { likelihood(try referenceLogits(tokens, batch), tokens) }
      return likelihood(logits, tokens) - fixed
    }
    let preferred: Tensor
    let rejected: TokenSequence
    switch settings.pairs {
    case .lowQuality:
      (preferred, rejected) = (try gain(original.tokens, original.logits), lowQuality())
    case .generated:
      rejected = tokens(try generated(batch, draw: 0))
      preferred = try gain(original.tokens, original.logits)
    case .ranked:
      let pair = try ranked(batch)
      (preferred, rejected) = (try gain(pair.better, try logits(pair.better)), pair.worse)
    }
    let margin = preferred - (try gain(rejected, try logits(rejected)))
    return (
      (margin * -settings.beta).softplus().mean(),
      [
        "preference_margin": margin.detached().mean().item,
        "preferred": (margin.detached() .> 0).to(.float32).mean().item,
      ]
    )
  }

  /// ℓ, the mean log-likelihood of a bit, weighted by scale, `[B]`.
  private func likelihood(_ logits: Tensor, _ tokens: TokenSequence) -> Tensor {
    -(bitCrossEntropy(logits, tokens.labels) * weights).sum([1])
  }

  private func referenceLogits(_ tokens: TokenSequence, _ batch: TrainingBatch) throws -> Tensor {
    let transformer = reference.transformer!
    return transformer(
      tokens.contexts, reference.configuration.scaleSchedule, rotary,
      try transformer.condition(batch, texts))
  }

  private func generated(_ batch: TrainingBatch, draw: Int) throws -> Generator.Result {
    try reference.generated(batch, texts) { [settings] options in
      options.sampling.temperature = settings.temperature
      options.seed = UInt64(draw)
    }
  }

  private func tokens(_ result: Generator.Result) -> TokenSequence {
    TokenSequence(
      bits: result.bits, reference.configuration.scaleSchedule,
      resize: reference.configuration.contextResize)
  }

  /// Two generated pyramids of each sample, the one with the picture nearer to the original first.
  private func ranked(_ batch: TrainingBatch) throws -> (
    better: TokenSequence, worse: TokenSequence
  ) {
    let results = try (0..<2).map { try generated(batch, draw: $0) }
    let (errors, pair) = withoutGradients {
      (
        results.map {
          (reference.decoded($0.latent, batch) - batch.highQuality).abs().mean([1, 2, 3])
        },
        results.map(tokens)
      )
    }
    let isFirst = errors[0] .<= errors[1]
    return (
      pair[0].selected(where: isFirst, else: pair[1]),
      pair[1].selected(where: isFirst, else: pair[0])
    )
  }
}
