import NSARM
import Settings
import SuperResolution
import Torch

/// Stage 0b and stage 2: the transformer by teacher forcing with bitwise self-correction. In stage
/// 2 the transformation network's maps stand in for the first residuals ("modified ground truth"),
/// so that later labels correct the errors of the prefix, and only the later scales are trained.
final class TransformerStage: ModelStage {
  struct ModelSection: Codable {
    var transformer = TransformerConfiguration()
  }

  struct LossSection: Codable {
    var selfCorrection = BitwiseSelfCorrection()
    var labelSmoothing = 0.0
    var labels = Target.original

    func validate(_ check: SettingsCheck) throws {
      try (check / "selfCorrection")("maximum", selfCorrection.maximum, 0...1)
      try (check / "selfCorrection")("step", selfCorrection.step, 1e-6...1)
      try check("labelSmoothing", labelSmoothing, 0...1)
    }
  }

  let model: Model
  private let section: LossSection
  private let transformer: VisualAutoregressiveTransformer
  private let schedule: ScaleSchedule
  private let rotary: RotaryEmbedding
  private let weights: Tensor
  private let texts: TextConditioning?
  private let continuesPrefix: Bool
  private let firstScale: Int

  init(_ start: StageStart, continuesPrefix: Bool) throws {
    model = try start.model { configuration in
      configuration.scales = nil  // validation runs every scale
      guard configuration.transformer == nil else { return }
      let section = try start.recipe.section("model", defaults: ModelSection())
      configuration.transformer = section.transformer
    }
    self.continuesPrefix = continuesPrefix
    if continuesPrefix, model.transformationNetwork == nil {
      throw TrainingError.recipe(
        file: start.recipe.file,
        problem: "stage2 needs a model with a transformation network (stage1)")
    }
    section = try start.recipe.section("loss", defaults: LossSection()) {
      try $0.validate($1)
    }
    transformer = model.transformer!
    schedule = model.configuration.scaleSchedule
    try start.requireTiles(model)
    texts = TextConditioning(model, start)
    if texts == nil, start.recipe.settings.data.captions != nil {
      throw TrainingError.recipe(
        file: start.recipe.file,
        problem: "'data.captions' is given, but the model's transformer is not conditioned on text")
    }
    rotary = RotaryEmbedding(
      schedule, reference: model.configuration.rotaryReference,
      headDimension: transformer.headDimension, on: start.policy.device)
    firstScale = continuesPrefix ? model.transformationNetwork!.scaleCount : 0
    weights = scaleWeights(schedule, from: firstScale).to(start.policy.device)
    model.freeze(except: trained)
  }

  var contextResize: Tensor.Interpolation? { model.configuration.contextResize }
  private var trained: [Parameter] { model.parameters(of: .transformer) }
  var parameterGroups: [(name: String, parameters: [Parameter])] { [("transformer", trained)] }
  var averagedParameters: [Parameter] { trained }

  /// The labels and contexts of a batch, outside the graph; bits are flipped where `random` is
  /// given.
  private func teacherForcing(_ batch: TrainingBatch, flips random: RandomGenerator?)
    -> TeacherForcing
  {
    withoutGradients {
      var intervention = MultiScaleQuantizer.Intervention()
      if continuesPrefix {
        intervention.givenResiduals = model.prefix(lowQuality: batch.lowQuality)
      }
      if let random {
        let device = batch.highQuality.device
        intervention.flips = { [section] in
          section.selfCorrection.flips($1, using: random, on: device)
        }
      }
      return TeacherForcing(
        model.features(batch, of: section.labels), schedule, intervention,
        contextResize: model.configuration.contextResize)
    }
  }

  private func logits(_ forcing: TeacherForcing, _ batch: TrainingBatch) throws -> Tensor {
    transformer(forcing.contexts, schedule, rotary, try transformer.condition(batch, texts))
  }

  func prepare(
    captions: Set<String>, in folder: String, progress: (Double) throws -> Void
  ) throws {
    try texts?.prepare(captions, in: folder, progress: progress)
  }

  func objective(_ batch: TrainingBatch, step: Int, random: RandomGenerator) throws -> Objective {
    Objective(group: "transformer") { [self] in
      let forcing = teacherForcing(batch, flips: random)
      let perToken = bitCrossEntropy(
        try logits(forcing, batch), forcing.labels, smoothing: section.labelSmoothing)
      return .init(loss: (perToken * weights).sum([1]).mean())
    }
  }

  func problem(validatingHeight height: Int, width: Int) -> String? {
    model.configuration.problem(asTileOfHeight: height, width: width)
  }

  func validate(_ batch: TrainingBatch) throws -> [String: Double] {
    let forcing = teacherForcing(batch, flips: nil)
    let logits = try logits(forcing, batch)
    let pairs = logits.reshaped(forcing.labels.shape + [2])
    let correct = (pairs.selected(-1, 1) .> pairs.selected(-1, 0)) .== forcing.labels
    let perToken = bitCrossEntropy(logits, forcing.labels)
    var figures = ["loss": (perToken * weights).sum([1]).mean().item]
    for (k, range) in schedule.ranges.enumerated() where k >= firstScale {
      func part(_ x: Tensor) -> Tensor {
        x.to(.float32).narrowed(1, from: range.lowerBound, count: range.count)
      }
      figures["accuracy_\(k + 1)"] = part(correct).mean().item
      figures["cross_entropy_\(k + 1)"] = part(perToken).mean().item
    }
    let picture = try model.restore(batch, texts)
    figures["psnr"] = psnr(picture, batch.highQuality)
    figures["psnr_bicubic"] = psnr(
      model.enlarged(batch.lowQuality), batch.highQuality)
    return figures
  }

  func previewColumns(_ batch: TrainingBatch) throws -> [Tensor] {
    let bits = MultiScaleQuantizer(schedule)
      .encode(model.features(batch, of: section.labels)).latent
    return [
      model.enlarged(batch.lowQuality), try model.restore(batch, texts),
      model.decoded(bits, batch), batch.highQuality,
    ]
  }
}

extension Model {
  /// The latents F_K that the model generates from low-quality tiles, `[B, d, H / f, W / f]`.
  func generatedLatent(_ batch: TrainingBatch, _ texts: TextConditioning?) throws -> Tensor {
    try withoutGradients {
      var options = GenerationOptions()
      options.prefix = prefix(lowQuality: batch.lowQuality).map { $0.to(.float32) }
      options.sampling = configuration.sampling
      options.seed = batch.seeds.first ?? 0
      options.contextResize = configuration.contextResize
      // Samples of a batch get different noise: each has its own origin in the plane.
      options.origins = { _ in batch.seeds.indices.map { GridOffset(row: 1000 * $0, column: 0) } }
      return try Generator(self)!(transformer!.condition(batch, texts), options).latent
    }
  }

  /// Tiles restored as at inference, `[B, 3, H, W]`.
  func restore(_ batch: TrainingBatch, _ texts: TextConditioning?) throws -> Tensor {
    let latent = try generatedLatent(batch, texts)
    return withoutGradients { decoded(latent, batch) }
  }
}
