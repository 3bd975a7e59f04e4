import NSARM
import Settings
import Torch

/// Stage 0a: encoder, bits and decoder together. A decoder that reads the low-quality picture gets
/// the degraded one, and the code is dropped for some samples, so that it degrades gracefully where
/// predicted bits are wrong.
final class TokenizerStage: ModelStage {
  /// The recipe's section `loss`.
  struct LossSection: Codable {
    var picture = PictureLossSettings()
    var labels = Target.original
    /// The weight of the entropy and commitment penalties.
    var quantization = 1.0
    /// γ of the entropy penalty.
    var entropyGamma = 1.0
    /// Whether to freeze the part of the decoder before the code joins, which saves most of its
    /// cost.
    var freezesInput = false
    /// The fraction of samples whose code is zero.
    var codeDropout = 0.25
    /// The largest probability of a flipped bit; the probability is drawn per sample and scale.
    var flips = 0.0

    func validate(_ check: SettingsCheck, crop: Int) throws {
      try picture.validate(check / "picture", crop: crop)
      try check("quantization", quantization, 0...1e6)
      try check("entropyGamma", entropyGamma, 0...1e6)
      try check("codeDropout", codeDropout, 0...1)
      try check("flips", flips, 0...1)
    }
  }

  let model: Model
  private let section: LossSection
  private let pictureLoss: PictureLoss
  private let quantizer: MultiScaleQuantizer
  private let statistics: BatchStatistics

  init(_ start: StageStart) throws {
    model = try start.firstModel()
    section = try start.recipe.section("loss", defaults: LossSection()) {
      try $0.validate($1, crop: start.recipe.settings.data.crop)
    }
    pictureLoss = try PictureLoss(
      section.picture, gridPeriods: model.configuration.gridPeriods, seed: start.seed &+ 1,
      on: start.policy.device, statistics: start.statistics)
    let crop = start.recipe.settings.data.crop
    guard let schedule = model.configuration.schedule(pixels: crop) else {
      throw TrainingError.recipe(
        file: start.recipe.file,
        problem: "'data.crop' is \(crop); \(model.configuration.needOfCells)")
    }
    quantizer = MultiScaleQuantizer(schedule)
    statistics = start.statistics
    model.freeze(except: trained)
  }

  private var trained: [Parameter] {
    let frozen = section.freezesInput ? model.decoder.parametersBeforeLatent.map(\.name) : []
    return model.parameters(of: .encoder, .decoder).filter { !frozen.contains($0.name) }
  }

  var parameterGroups: [(name: String, parameters: [Parameter])] {
    [("generator", trained)] + pictureLoss.parameterGroups
  }

  var averagedParameters: [Parameter] { trained }

  var buffers: [Parameter] { pictureLoss.buffers }

  func optimizer(of group: String, _ optimizer: AdamW.Configuration) -> AdamW.Configuration {
    pictureLoss.optimizer(of: group, optimizer)
  }

  func objective(_ batch: TrainingBatch, step: Int, random: UpdateRandom) throws -> Objective {
    Objective(group: "generator") { [self] in
      let features = model.features(batch, of: section.labels)
      var intervention = MultiScaleQuantizer.Intervention()
      if section.flips > 0 {
        let correction = BitwiseSelfCorrection(maximum: section.flips)
        intervention.flips = { k, shape in
          correction.flips(shape, scale: k, batch.seeds, random, on: features.device)
        }
      }
      let pyramid = quantizer.encode(features, intervention)
      let draws = random.uniform(
        [1, 1, 1], .codeDropout, samples: batch.seeds, on: features.device)
      let kept = draws .> section.codeDropout
      let picture = model.decoded(pyramid.latent * kept.to(.float32), batch)
      var value = try pictureLoss(
        picture, batch.highQuality, teacher: batch.teacher, step: step, random: random)
      if section.quantization > 0 {
        let penalties = try pyramid.residuals.map {
          try BinarySphericalQuantization.penalties($0, mean: statistics.mean)
        }
        let total = penalties.map { $0.total(gamma: section.entropyGamma) }
        value.loss = value.loss + Tensor.stacked(total).mean() * section.quantization
        value.figures["commitment"] = penalties.last!.commitment.detached().item
        value.figures["codebook_entropy"] = penalties.last!.codebookEntropy.detached().item
      }
      return pictureLoss.evaluation(value, step: step)
    }
  }

  func problem(validatingHeight height: Int, width: Int) -> String? {
    let c = model.configuration
    if let problem = pictureLoss.problem(validatingHeight: height, width: width) { return problem }
    return height == width && c.schedule(pixels: height) != nil
      ? nil : "no square, or \(c.needOfCells)"
  }

  private func latent(_ batch: TrainingBatch) -> Tensor {
    // Unsuitable sizes were rejected at the start.
    let schedule = model.configuration.schedule(pixels: batch.highQuality.size(2))!
    return MultiScaleQuantizer(schedule).encode(model.features(batch, of: section.labels)).latent
  }

  func validate(_ batch: TrainingBatch) throws -> [String: Double] {
    let latent = latent(batch)
    return [
      "psnr": psnr(model.decoded(latent, batch), batch.highQuality),
      "psnr_without_code": psnr(model.decoded(.zeros(like: latent), batch), batch.highQuality),
      "psnr_bicubic": psnr(
        model.enlarged(batch.lowQuality), batch.highQuality),
    ]
  }

  func previewColumns(_ batch: TrainingBatch) throws -> [Tensor] {
    let latent = latent(batch)
    return [
      model.enlarged(batch.lowQuality), model.decoded(.zeros(like: latent), batch),
      model.decoded(latent, batch), batch.highQuality,
    ]
  }
}

extension ModelConfiguration {
  /// The scales of a square picture with sides of `pixels` pixels and cells as large as in a tile.
  /// Nil where the cells of a scale do not divide it.
  func schedule(pixels: Int) -> ScaleSchedule? {
    let sides = scaleSchedule.latents.map { $0.height * pixels }
    guard pixels > 0, sides.allSatisfy({ $0 % tileSide == 0 }) else { return nil }
    return ScaleSchedule(sides.map { GridSize($0 / tileSide, $0 / tileSide) })
  }

  /// The periods of patterns: a pixel-shuffle makes squares of the scale's size, a code squares of
  /// a cell's size.
  var gridPeriods: [Int] { [scale, tokenizer.downsampling] }

  /// The requirement of `schedule(pixels:)`, for messages.
  var needOfCells: String {
    "the cells of every scale of a tile of \(tileSide) pixels have to divide it"
  }

  /// The reason why a picture is not a tile; nil where it is one.
  func problem(asTileOfHeight height: Int, width: Int) -> String? {
    height == tileSide && width == tileSide ? nil : "tiles of \(tileSide)x\(tileSide) are needed"
  }
}
