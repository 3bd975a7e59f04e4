import NSARM
import Torch

/// The decoder alone, on bits that the model itself predicts: it learns to hide their errors, with L1,
/// perceptual and adversarial losses on a window of each tile.
final class DecoderStage: TrainingStage {
  struct ModelSection: Codable {
    /// Another shape for the decoder: weights that do not fit it start afresh.
    var decoder: DecoderConfiguration?
  }

  struct LossSection: Codable {
    var picture = PictureLossSettings()
    /// Side in pixels of the window of the tile that is decoded; 0: the whole tile.
    var window = 0
    /// Windows of each tile, at places drawn per step: generating a tile's bits costs as much as
    /// learning from a window.
    var windows = 1
  }

  let model: Model
  var policy: ComputePolicy { model.policy }
  private let section: LossSection
  private let pictureLoss: PictureLoss

  init(_ start: StageStart) throws {
    model = try start.model { configuration in
      let section = try start.recipe.section("model", defaults: ModelSection())
      if let decoder = section.decoder { configuration.tokenizer.decoder = decoder }
    }
    guard model.transformer != nil else {
      throw TrainingError.recipe(
        file: start.recipe.file, problem: "stage 'decoder' needs a model with a transformer")
    }
    section = try start.recipe.section("loss", defaults: LossSection())
    pictureLoss = try PictureLoss(
      section.picture, seed: start.seed &+ 1, on: start.policy.device)
    guard section.window % (model.configuration.tokenizer.downsampling * 2) == 0 else {
      throw TrainingError.recipe(
        file: start.recipe.file,
        problem:
          "'loss.window' has to be a multiple of \(model.configuration.tokenizer.downsampling * 2)")
    }
    model.freeze(except: trained)
  }

  private var trained: [Parameter] { model.parameters(of: .decoder) }

  var parameterGroups: [(name: String, parameters: [Parameter])] {
    [("generator", trained)] + pictureLoss.parameterGroups
  }

  var averagedParameters: [Parameter] { trained }

  func objectives(_ batch: Batch, step: Int, random: RandomGenerator) throws -> [Objective] {
    let generated = try model.generatedLatent(batch)
    let (latent, low, high) = windows(generated, batch, random)
    var prediction: Tensor?
    let generator = Objective(group: "generator") { [self] in
      let picture = model.decoder(latent, lowQuality: low).to(.float32)
      prediction = picture.detached()
      return pictureLoss(picture, high, step: step, random: random)
    }
    guard pictureLoss.trainsDiscriminator(step) else { return [generator] }
    return [
      generator,
      Objective(group: "discriminator") { [self] in
        pictureLoss.discriminatorLoss(prediction!, high)
      },
    ]
  }

  /// The same windows of the latent, the low-quality and the high-quality tiles.
  private func windows(
    _ latent: Tensor, _ batch: Batch, _ random: RandomGenerator
  ) -> (Tensor, Tensor, Tensor) {
    let cuts = (0..<section.windows).map { _ in cut(latent, batch, random) }
    return (
      .concatenated(cuts.map(\.0), 0), .concatenated(cuts.map(\.1), 0),
      .concatenated(cuts.map(\.2), 0)
    )
  }

  /// One window of each tile, at a place drawn for all.
  private func cut(
    _ latent: Tensor, _ batch: Batch, _ random: RandomGenerator
  ) -> (Tensor, Tensor, Tensor) {
    guard section.window > 0, section.window < batch.highQuality.size(2) else {
      return (latent, batch.lowQuality, batch.highQuality)
    }
    let factor = model.configuration.tokenizer.downsampling
    let cells = section.window / factor
    let place = Tensor.rand([2], using: random).floats
    let range = Float(latent.size(2) - cells + 1)
    let (y, x) = (Int(place[0] * range), Int(place[1] * range))
    func window(_ t: Tensor, _ pixelsPerCell: Int) -> Tensor {
      t.narrowed(2, from: y * pixelsPerCell, count: cells * pixelsPerCell)
        .narrowed(3, from: x * pixelsPerCell, count: cells * pixelsPerCell)
    }
    return (
      window(latent, 1), window(batch.lowQuality, factor / model.configuration.scale),
      window(batch.highQuality, factor)
    )
  }

  func validate(_ batch: Batch) throws -> [String: Double] {
    let picture = try model.restore(batch)
    return [
      "psnr": psnr(picture, batch.highQuality),
      "psnr_bicubic": psnr(
        enlarged(batch.lowQuality, model.configuration.scale), batch.highQuality),
    ]
  }

  func preview(_ batch: Batch) throws -> [[Tensor]] {
    let columns = [
      enlarged(batch.lowQuality, model.configuration.scale), try model.restore(batch),
      batch.highQuality,
    ]
    return (0..<batch.count).map { row in columns.map { $0.selected(0, row) } }
  }

  func export(to folder: String, provenance: [String: String]) throws {
    try model.write(to: folder, provenance: provenance)
  }
}
