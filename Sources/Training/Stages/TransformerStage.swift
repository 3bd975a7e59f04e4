import NSARM
import Settings
import Torch

/// Stage 0b and stage 2: the transformer by teacher forcing with bitwise self-correction. In stage
/// 2 the transformation network's maps stand in for the first residuals ("modified ground truth"),
/// so that later labels correct the errors of the prefix, and only the later scales are learnt.
final class TransformerStage: TrainingStage {
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
  var scale: Int { model.configuration.scale }
  var policy: ComputePolicy { model.policy }
  private let section: LossSection
  private let transformer: VisualAutoregressiveTransformer
  private let schedule: ScaleSchedule
  private let rotary: RotaryEmbedding
  private let weights: Tensor
  private let texts: BatchTexts?
  private let continuesPrefix: Bool
  private let firstScale: Int

  init(_ start: StageStart, continuesPrefix: Bool) throws {
    model = try start.model { configuration in
      configuration.scales = nil  // what the transformer learns is to be seen
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
    texts = BatchTexts(model, start)
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

  /// Labels and contexts of a batch, outside of the graph; bits are flipped where there is a
  /// generator.
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

  func objectives(_ batch: TrainingBatch, step: Int, random: RandomGenerator) throws -> [Objective]
  {
    [
      Objective(group: "transformer") { [self] in
        let forcing = teacherForcing(batch, flips: random)
        let perToken = bitCrossEntropy(
          try logits(forcing, batch), forcing.labels, smoothing: section.labelSmoothing)
        let loss = (perToken * weights).sum([1]).mean()
        return (loss, [:])
      }
    ]
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

  func preview(_ batch: TrainingBatch) throws -> [[Tensor]] {
    let bits = MultiScaleQuantizer(schedule)
      .encode(model.features(batch, of: section.labels)).latent
    let columns = [
      model.enlarged(batch.lowQuality), try model.restore(batch, texts),
      model.decoded(bits, batch), batch.highQuality,
    ]
    return (0..<batch.count).map { row in columns.map { $0.selected(0, row) } }
  }

  func export(to folder: String, provenance: [String: String]) throws {
    try model.write(to: folder, provenance: provenance)
  }
}

extension Model {
  /// F_K of tiles that the model generates from low-quality tiles, `[B, d, H / f, W / f]`.
  func generatedLatent(_ batch: TrainingBatch, _ texts: BatchTexts?) throws -> Tensor {
    try withoutGradients {
      var options = GenerationOptions()
      options.prefix = prefix(lowQuality: batch.lowQuality).map { $0.to(.float32) }
      options.sampling = configuration.sampling
      options.seed = batch.seeds.first ?? 0
      options.contextResize = configuration.contextResize
      // Samples of a batch get noise of their own: each stands elsewhere on the plane.
      options.origins = { _ in batch.seeds.indices.map { GridSize(1000 * $0, 0) } }
      return try Generator(self)!(transformer!.condition(batch, texts), options).latent
    }
  }

  /// Tiles restored as a user would get them, `[B, 3, H, W]`.
  func restore(_ batch: TrainingBatch, _ texts: BatchTexts?) throws -> Tensor {
    let latent = try generatedLatent(batch, texts)
    return withoutGradients { decoded(latent, batch) }
  }
}
