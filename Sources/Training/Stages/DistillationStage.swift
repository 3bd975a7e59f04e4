import NSARM
import Settings
import Torch

/// Distillation to one pass: the transformer learns to predict, with every scale after the prefix
/// reading the prefix's sum alone, the bits that the model it started from generates scale by scale
/// (sequence-level distillation, Kim and Rush, 2016; one pass as in VARestorer, Zhu et al., 2026,
/// arXiv 2604.21450).
final class DistillationStage: ModelStage {
  struct LossSection: Codable {
    /// The temperature at which the teacher draws its bits; 0 for the likelier ones, which are a
    /// function of the input.
    var temperature = 0.0

    func validate(_ check: SettingsCheck) throws {
      try check("temperature", temperature, SamplingConfiguration.temperatures)
    }
  }

  let model: Model
  private let teacher: Model
  private let section: LossSection
  private let schedule: ScaleSchedule
  private let rotary: RotaryEmbedding
  private let weights: Tensor
  private let texts, teacherTexts: TextConditioning?
  private let firstScale: Int

  init(_ start: StageStart) throws {
    section = try start.recipe.section("loss", defaults: LossSection()) { try $0.validate($1) }
    func prepare(_ configuration: inout ModelConfiguration) throws {
      configuration.scales = nil  // validation runs every scale
    }
    model = try start.model(prepare)
    guard model.transformer != nil, let network = model.transformationNetwork,
      network.scaleCount < model.configuration.schedule.count
    else {
      throw TrainingError.recipe(
        file: start.recipe.file,
        problem: "stage 'distillation' needs a model with a transformer and the prefix of a "
          + "transformation network (stage1, stage2)")
    }
    teacher = try start.model(prepare)
    teacher.freeze(except: [])
    schedule = model.configuration.scaleSchedule
    firstScale = network.scaleCount
    try start.requireTiles(model)
    texts = TextConditioning(model, start)
    teacherTexts = TextConditioning(teacher, start)
    rotary = RotaryEmbedding(
      schedule, reference: model.configuration.rotaryReference,
      headDimension: model.transformer!.headDimension, on: start.policy.device)
    weights = scaleWeights(schedule, from: firstScale).to(start.policy.device)
    model.freeze(except: trained)
  }

  var contextResize: Tensor.Interpolation? { model.configuration.contextResize }
  private var trained: [Parameter] { model.parameters(of: .transformer) }
  var parameterGroups: [(name: String, parameters: [Parameter])] { [("transformer", trained)] }
  var averagedParameters: [Parameter] { trained }
  var blocks: TrainedBlocks? {
    TrainedBlocks(
      group: "transformer", parameters: model.transformer!.blockParameters,
      run: model.runBlocks(by:))
  }

  func prepare(
    captions: Set<String>, in folder: String, progress: (Double) throws -> Void
  ) throws {
    try texts?.prepare(captions, in: folder, progress: progress)
    try teacherTexts?.prepare(captions, in: folder, progress: progress)
  }

  /// The teacher's bits, and the contexts of one pass.
  private func taught(_ batch: TrainingBatch) throws -> TokenSequence {
    let result = try teacher.generated(batch, teacherTexts) { [section] in
      $0.sampling.temperature = section.temperature
    }
    return withoutGradients {
      TokenSequence(
        bits: result.bits, schedule, resize: model.configuration.contextResize,
        readingFirst: firstScale)
    }
  }

  private func logits(_ tokens: TokenSequence, _ batch: TrainingBatch) throws -> Tensor {
    let transformer = model.transformer!
    return transformer(tokens.contexts, schedule, rotary, try transformer.condition(batch, texts))
  }

  func objective(_ batch: TrainingBatch, step: Int, random: UpdateRandom) throws -> Objective {
    Objective(group: "transformer") { [self] in
      let tokens = try taught(batch)
      let perToken = bitCrossEntropy(try logits(tokens, batch), tokens.labels)
      return .init(loss: (perToken * weights).sum([1]).mean())
    }
  }

  func problem(validatingHeight height: Int, width: Int) -> String? {
    model.configuration.problem(asTileOfHeight: height, width: width)
  }

  /// Tiles restored by a model in one pass.
  private func onePass(
    _ model: Model, _ texts: TextConditioning?, _ batch: TrainingBatch
  ) throws -> Tensor {
    let latent = try model.generated(batch, texts) { $0.acceleration.onePass = true }.latent
    return withoutGradients { model.decoded(latent, batch) }
  }

  func validate(_ batch: TrainingBatch) throws -> [String: Double] {
    let tokens = try taught(batch)
    let logits = try logits(tokens, batch)
    let pairs = logits.reshaped(tokens.labels.shape + [2])
    let correct = (pairs.selected(-1, 1) .> pairs.selected(-1, 0)) .== tokens.labels
    let perToken = bitCrossEntropy(logits, tokens.labels)
    var figures = ["loss": (perToken * weights).sum([1]).mean().item]
    for (k, range) in schedule.ranges.enumerated() where k >= firstScale {
      figures["accuracy_\(k + 1)"] =
        correct.to(.float32).narrowed(1, from: range.lowerBound, count: range.count).mean().item
    }
    let distilled = try onePass(model, texts, batch)
    let undistilled = try onePass(teacher, teacherTexts, batch)
    let many = try teacher.restore(batch, teacherTexts)
    figures["psnr"] = psnr(distilled, batch.highQuality)
    figures["psnr_undistilled"] = psnr(undistilled, batch.highQuality)
    figures["psnr_many_passes"] = psnr(many, batch.highQuality)
    figures["psnr_to_many_passes"] = psnr(distilled, many.clamped(min: -1, max: 1))
    figures["psnr_bicubic"] = psnr(model.enlarged(batch.lowQuality), batch.highQuality)
    return figures
  }

  func previewColumns(_ batch: TrainingBatch) throws -> [Tensor] {
    [
      model.enlarged(batch.lowQuality), try onePass(model, texts, batch),
      try teacher.restore(batch, teacherTexts), batch.highQuality,
    ]
  }
}
