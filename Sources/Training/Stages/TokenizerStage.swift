import NSARM
import Torch

/// Stage 0a: encoder, bits and decoder together. A decoder that reads the low-quality picture gets the degraded one,
/// and the code is dropped for some samples, so that it degrades gracefully where predicted bits are wrong.
final class TokenizerStage: TrainingStage {
  /// The recipe's section `loss`.
  struct LossSection: Codable {
    var picture = PictureLossSettings()
    var labels = Target.original
    /// Weight of entropy and commitment.
    var quantization = 1.0
    /// γ of the entropy penalty.
    var entropyGamma = 1.0
    /// Whether the part of the decoder that has not met the code yet stays as it is, which saves most of its cost.
    var freezesInput = false
    /// Share of samples whose code is zero.
    var codeDropout = 0.25
    /// Largest probability of a flipped bit, drawn per sample and scale.
    var flips = 0.0
  }

  let model: Model
  var policy: ComputePolicy { model.policy }
  private let section: LossSection
  private let pictureLoss: PictureLoss
  private let quantizer: MultiScaleQuantizer

  init(_ start: StageStart) throws {
    model = try start.firstModel()
    section = try start.recipe.section("loss", defaults: LossSection())
    pictureLoss = try PictureLoss(
      section.picture, seed: start.seed &+ 1, on: start.policy.device)
    let crop = start.recipe.settings.data.crop
    quantizer = MultiScaleQuantizer(
      try model.configuration.schedule(pixels: crop, file: start.recipe.file))
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

  func objectives(_ batch: Batch, step: Int, random: RandomGenerator) throws -> [Objective] {
    var prediction: Tensor?
    let generator = Objective(group: "generator") { [self] in
      let features = model.features(batch, of: section.labels)
      var intervention = MultiScaleQuantizer.Intervention()
      if section.flips > 0 {
        let correction = BitwiseSelfCorrection(maximum: section.flips)
        intervention.flips = { correction.flips($1, using: random, on: features.device) }
      }
      let pyramid = quantizer.encode(features, intervention)
      let draws = Tensor.rand([batch.count, 1, 1, 1], using: random, on: features.device)
      let kept = draws .> section.codeDropout
      let picture = model.decoded(pyramid.latent * kept.to(.float32), batch)
      var (loss, figures) = pictureLoss(
        picture, batch.highQuality, teacher: batch.teacher, step: step, random: random)
      if section.quantization > 0 {
        let penalties = pyramid.residuals.map(BinarySphericalQuantization.penalties)
        let total = penalties.map { $0.total(gamma: section.entropyGamma) }
        loss = loss + Tensor.stacked(total).mean() * section.quantization
        figures["commitment"] = penalties.last!.commitment.detached().item
        figures["codebook_entropy"] = penalties.last!.codebookEntropy.detached().item
      }
      prediction = picture.detached()
      return (loss, figures)
    }
    guard pictureLoss.trainsDiscriminator(step) else { return [generator] }
    return [
      generator,
      Objective(group: "discriminator") { [self] in
        pictureLoss.discriminatorLoss(prediction!, batch.highQuality)
      },
    ]
  }

  private func latent(_ batch: Batch) throws -> Tensor {
    let schedule = try model.configuration.schedule(
      pixels: batch.highQuality.size(2), file: "validation")
    return MultiScaleQuantizer(schedule).encode(model.features(batch, of: section.labels)).latent
  }

  func validate(_ batch: Batch) throws -> [String: Double] {
    let latent = try latent(batch)
    return [
      "psnr": psnr(model.decoded(latent, batch), batch.highQuality),
      "psnr_without_code": psnr(model.decoded(.zeros(like: latent), batch), batch.highQuality),
      "psnr_bicubic": psnr(
        model.enlarged(batch.lowQuality), batch.highQuality),
    ]
  }

  func preview(_ batch: Batch) throws -> [[Tensor]] {
    let latent = try latent(batch)
    let columns = [
      model.enlarged(batch.lowQuality), model.decoded(.zeros(like: latent), batch),
      model.decoded(latent, batch), batch.highQuality,
    ]
    return (0..<batch.count).map { row in columns.map { $0.selected(0, row) } }
  }

  func export(to folder: String, provenance: [String: String]) throws {
    try model.write(to: folder, provenance: provenance)
  }
}

extension ModelConfiguration {
  /// The scales of a square picture of `pixels` on a side: cells as large as in a tile.
  func schedule(pixels: Int, file: String) throws -> ScaleSchedule {
    let sides = scaleSchedule.latents.map { ($0.height * pixels, tileSide) }
    guard sides.allSatisfy({ $0.0 % $0.1 == 0 }) else {
      throw TrainingError.recipe(
        file: file,
        problem: "crops of \(pixels) pixels do not divide into the cells of a tile of \(tileSide)")
    }
    return ScaleSchedule(sides.map { GridSize($0.0 / $0.1, $0.0 / $0.1) })
  }
}
