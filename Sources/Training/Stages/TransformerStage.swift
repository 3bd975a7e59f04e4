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
    /// The interpolation of contexts to a scale; nil for that of the model so far.
    var contextResize: Tensor.Interpolation?
  }

  struct LossSection: Codable {
    var selfCorrection = BitwiseSelfCorrection()
    var labelSmoothing = 0.0
    /// The probability that a residual branch of the last block is dropped for a sample.
    var dropPath = 0.0
    var labels = Target.original
    /// Weights of tokens by the texture at their place in the original.
    var texture = TextureWeighting()
    var preference = PreferenceSettings()

    func validate(_ check: SettingsCheck) throws {
      try texture.validate(check / "texture")
      try preference.validate(check / "preference")
      try (check / "selfCorrection")("maximum", selfCorrection.maximum, 0...1)
      try (check / "selfCorrection")("step", selfCorrection.step, 1e-6...1)
      try check("labelSmoothing", labelSmoothing, 0...1)
      try check("dropPath", dropPath, 0...0.9)
    }
  }

  let model: Model
  private let section: LossSection
  private var transformer: VisualAutoregressiveTransformer { model.transformer! }
  private let schedule: ScaleSchedule
  private let rotary: RotaryEmbedding
  private let weights: Tensor
  private let texts: TextConditioning?
  private let preference: PreferenceLoss?
  private let continuesPrefix: Bool
  private let firstScale: Int

  init(_ start: StageStart, continuesPrefix: Bool) throws {
    func prepare(_ configuration: inout ModelConfiguration) throws {
      configuration.scales = nil  // validation runs every scale
      let section = try start.recipe.section("model", defaults: ModelSection())
      if let resize = section.contextResize { configuration.contextResize = resize }
      if configuration.transformer == nil { configuration.transformer = section.transformer }
    }
    model = try start.model(prepare)
    self.continuesPrefix = continuesPrefix
    if continuesPrefix, model.transformationNetwork == nil {
      throw TrainingError.recipe(
        file: start.recipe.file,
        problem: "stage2 needs a model with a transformation network (stage1)")
    }
    section = try start.recipe.section("loss", defaults: LossSection()) {
      try $0.validate($1)
    }
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
      headDimension: model.transformer!.headDimension, on: start.policy.device)
    firstScale = continuesPrefix ? model.transformationNetwork!.scaleCount : 0
    weights = scaleWeights(schedule, from: firstScale).to(start.policy.device)
    if section.preference.weight > 0 {
      guard start.folder?.configuration.transformer != nil else {
        throw TrainingError.recipe(
          file: start.recipe.file,
          problem: "'loss.preference' compares with the model that training starts from, which has "
            + "no transformer yet")
      }
      preference = PreferenceLoss(
        section.preference, reference: try start.model(prepare), start, rotary, weights: weights)
    } else {
      preference = nil
    }
    model.freeze(except: trained)
  }

  var contextResize: Tensor.Interpolation? { model.configuration.contextResize }
  private var trained: [Parameter] { model.parameters(of: .transformer) }
  var parameterGroups: [(name: String, parameters: [Parameter])] { [("transformer", trained)] }
  var averagedParameters: [Parameter] { trained }
  var blocks: TrainedBlocks? {
    TrainedBlocks(
      group: "transformer", parameters: transformer.blockParameters, run: model.runBlocks(by:))
  }

  /// The labels and contexts of a batch, outside the graph; bits are flipped where `random` is
  /// given.
  /// - Parameter pictures: nil for the targets.
  private func teacherForcing(
    _ batch: TrainingBatch, of pictures: Tensor? = nil, flips random: UpdateRandom?
  ) -> TokenSequence {
    withoutGradients {
      var intervention = MultiScaleQuantizer.Intervention()
      if continuesPrefix {
        intervention.givenResiduals = model.prefix(lowQuality: batch.lowQuality)
      }
      if let random {
        let device = batch.highQuality.device
        intervention.flips = { [section] k, shape in
          section.selfCorrection.flips(shape, scale: k, batch.seeds, random, on: device)
        }
      }
      let features = model.features(
        pictures ?? section.labels.pictures(batch), lowQuality: batch.lowQuality)
      return TokenSequence(
        TeacherForcing(
          features, schedule, intervention, contextResize: model.configuration.contextResize))
    }
  }

  private func logits(
    _ forcing: TokenSequence, _ batch: TrainingBatch, residualScales: [Tensor]? = nil
  ) throws -> Tensor {
    transformer(
      forcing.contexts, schedule, rotary, try transformer.condition(batch, texts),
      residualScales: residualScales)
  }

  func prepare(
    captions: Set<String>, in folder: String, progress: (Double) throws -> Void
  ) throws {
    try texts?.prepare(captions, in: folder, progress: progress)
    try preference?.prepare(captions: captions, in: folder, progress: progress)
  }

  func objective(_ batch: TrainingBatch, step: Int, random: UpdateRandom) throws -> Objective {
    Objective(group: "transformer") { [self] in
      let forcing = teacherForcing(batch, flips: random)
      let scales = DropPath(maximum: section.dropPath).residualScales(
        depth: transformer.configuration.depth, batch.seeds, random, on: policy.device)
      let logits = try logits(forcing, batch, residualScales: scales)
      let perToken = bitCrossEntropy(logits, forcing.labels, smoothing: section.labelSmoothing)
      let texture = section.texture.tokenWeights(batch.highQuality, schedule)
      let weighted = perToken * (texture.map { $0 * weights } ?? weights)
      let loss = weighted.sum([1]).mean()
      guard let preference else { return .init(loss: loss) }
      let term = try preference(
        (forcing, logits),
        lowQuality: {
          teacherForcing(batch, of: model.enlarged(batch.lowQuality), flips: random)
        }, batch
      ) { try self.logits($0, batch, residualScales: scales) }
      return .init(
        loss: loss + term.loss * section.preference.weight,
        figures: term.figures.merging(["cross_entropy": loss.detached().item]) { $1 })
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
  /// The bits that the model generates from low-quality tiles.
  /// - Parameter change: is made to the options of inference.
  func generated(
    _ batch: TrainingBatch, _ texts: TextConditioning?,
    _ change: (inout GenerationOptions) -> Void = { _ in }
  ) throws -> Generator.Result {
    try withoutGradients {
      var options = GenerationOptions()
      options.prefix = prefix(lowQuality: batch.lowQuality).map { $0.to(.float32) }
      options.sampling = configuration.sampling
      options.contextResize = configuration.contextResize
      // Each sample has noise of its own: its seed is its place in the plane, with room for a tile.
      let origins = batch.seeds.map { GridOffset(row: Int($0 >> 2), column: 0) }
      options.origins = { _ in origins }
      change(&options)
      return try Generator(self)!(transformer!.condition(batch, texts), options)
    }
  }

  /// The latents F_K of the generated bits, `[B, d, H / f, W / f]`.
  func generatedLatent(_ batch: TrainingBatch, _ texts: TextConditioning?) throws -> Tensor {
    try generated(batch, texts).latent
  }

  /// Tiles restored as at inference, `[B, 3, H, W]`.
  func restore(_ batch: TrainingBatch, _ texts: TextConditioning?) throws -> Tensor {
    let latent = try generatedLatent(batch, texts)
    return withoutGradients { decoded(latent, batch) }
  }
}
