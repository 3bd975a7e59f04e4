import NSARM
import Settings
import Torch

/// Trains the decoder alone. On bits that the model itself predicts, it learns to hide their
/// errors; without bits, it learns to restore from the low-quality picture alone, which is the
/// first step for a decoder that reads it.
final class DecoderStage: ModelStage {
  struct LossSection: Codable {
    enum Code: String, CaseIterable, Codable {
      /// The code that the model generates from the low-quality tile.
      case predicted
      /// Zeros.
      case none
    }

    var picture = PictureLossSettings()
    var code = Code.predicted
    /// The side in pixels of the window of a tile that is decoded; 0 for the whole tile.
    var window = 0
    /// The number of windows of each tile, at random places: generating a tile's bits costs as much
    /// as learning from one window.
    var windows = 1

    func validate(_ check: SettingsCheck, crop: Int) throws {
      try picture.validate(check / "picture", crop: crop)
      try check("window", window, 0...8192)
      try check("windows", windows, 1...1024)
    }
  }

  let model: Model
  private let section: LossSection
  private let pictureLoss: PictureLoss
  private let texts: TextConditioning?

  init(_ start: StageStart) throws {
    section = try start.recipe.section("loss", defaults: LossSection()) {
      try $0.validate($1, crop: start.recipe.settings.data.crop)
    }
    switch section.code {
    case .none: model = try start.firstModel()
    case .predicted: model = try start.model()
    }
    texts = TextConditioning(model, start)
    let file = start.recipe.file
    if section.code == .predicted, model.transformer == nil {
      throw TrainingError.recipe(
        file: file,
        problem: "stage 'decoder' needs a model with a transformer, or 'loss.code: none'")
    }
    if section.code == .none, !model.decoder.readsLowQuality {
      throw TrainingError.recipe(
        file: file, problem: "'loss.code: none' needs a decoder that reads the low-quality picture")
    }
    pictureLoss = try PictureLoss(
      section.picture, gridPeriods: model.configuration.gridPeriods, seed: start.seed &+ 1,
      on: start.policy.device, statistics: start.statistics)
    let (cell, crop) = (model.configuration.tokenizer.downsampling, start.recipe.settings.data.crop)
    try start.recipe.checking { check in
      try (check / "loss")(
        "window", section.window % (2 * cell) == 0,
        else: "is \(section.window); a multiple of \(2 * cell) is needed")
      try (check / "data")(
        "crop", crop % cell == 0, else: "is \(crop); a multiple of \(cell) is needed")
    }
    if section.code == .predicted {
      try start.requireTiles(model)
    }
    model.freeze(except: trained)
  }

  func prepare(
    captions: Set<String>, in folder: String, progress: (Double) throws -> Void
  ) throws {
    if section.code == .predicted {
      try texts?.prepare(captions, in: folder, progress: progress)
    }
  }

  private var trained: [Parameter] { model.parameters(of: .decoder, .network) }

  var parameterGroups: [(name: String, parameters: [Parameter])] {
    [("generator", trained)] + pictureLoss.parameterGroups
  }

  var averagedParameters: [Parameter] { trained }

  var buffers: [Parameter] { pictureLoss.buffers }

  func optimizer(of group: String, _ optimizer: AdamW.Configuration) -> AdamW.Configuration {
    pictureLoss.optimizer(of: group, optimizer)
  }

  /// The latents `[B, d, H / f, W / f]`; nil for a model without code.
  private func latent(_ batch: TrainingBatch) throws -> Tensor? {
    switch section.code {
    case .predicted: return try model.generatedLatent(batch, texts)
    case .none:
      guard model.hasCode else { return nil }
      let c = model.configuration.tokenizer
      return .zeros(
        [
          batch.count, c.latentChannels, batch.highQuality.size(2) / c.downsampling,
          batch.highQuality.size(3) / c.downsampling,
        ], on: batch.highQuality.device)
    }
  }

  func objective(_ batch: TrainingBatch, step: Int, random: UpdateRandom) throws -> Objective {
    let input = windows(try latent(batch), batch, random)
    return Objective(group: "generator") { [self] in
      let value = try pictureLoss(
        model.decoded(input.latent, input.batch), input.batch.highQuality,
        teacher: input.batch.teacher, step: step, random: random)
      return pictureLoss.evaluation(value, step: step)
    }
  }

  private typealias Input = (latent: Tensor?, batch: TrainingBatch)

  /// Cuts the same windows from the latents and from the tiles.
  private func windows(
    _ latent: Tensor?, _ batch: TrainingBatch, _ random: UpdateRandom
  ) -> Input {
    guard section.window > 0, section.window < batch.highQuality.size(2) else {
      return (latent, batch)
    }
    let cuts = (0..<section.windows).map { index in
      cut(latent, batch, random.shared(.windows, index))
    }
    func joined(_ part: (Input) -> Tensor) -> Tensor { .concatenated(cuts.map(part), 0) }
    return (
      latent.map { _ in joined { $0.latent! } },
      TrainingBatch(
        highQuality: joined(\.batch.highQuality), lowQuality: joined(\.batch.lowQuality),
        teacher: batch.teacher.map { _ in joined { $0.batch.teacher! } },
        seeds: cuts.flatMap(\.batch.seeds))
    )
  }

  /// One window of each tile, at a random place that all tiles share.
  private func cut(
    _ latent: Tensor?, _ batch: TrainingBatch, _ random: RandomStream
  ) -> Input {
    let factor = model.configuration.tokenizer.downsampling
    let cells = section.window / factor
    let range = batch.highQuality.size(2) / factor - cells + 1
    var random = random
    let (y, x) = (random.index(range), random.index(range))
    func window(_ t: Tensor, _ pixelsPerCell: Int) -> Tensor {
      t.narrowed(2, from: y * pixelsPerCell, count: cells * pixelsPerCell)
        .narrowed(3, from: x * pixelsPerCell, count: cells * pixelsPerCell)
    }
    return (
      latent.map { window($0, 1) },
      TrainingBatch(
        highQuality: window(batch.highQuality, factor),
        lowQuality: window(batch.lowQuality, factor / model.configuration.scale),
        teacher: batch.teacher.map { window($0, factor) }, seeds: batch.seeds)
    )
  }

  private func restored(_ batch: TrainingBatch) throws -> Tensor {
    let latent = try latent(batch)
    return withoutGradients { model.decoded(latent, batch) }
  }

  func problem(validatingHeight height: Int, width: Int) -> String? {
    let cell = model.configuration.tokenizer.downsampling
    if let problem = pictureLoss.problem(validatingHeight: height, width: width) { return problem }
    switch section.code {
    case .predicted: return model.configuration.problem(asTileOfHeight: height, width: width)
    case .none:
      return height % cell == 0 && width % cell == 0 ? nil : "multiples of \(cell) are needed"
    }
  }

  func validate(_ batch: TrainingBatch) throws -> [String: Double] {
    let picture = try restored(batch)
    let bicubic = model.enlarged(batch.lowQuality)
    var figures = [
      "psnr": psnr(picture, batch.highQuality), "psnr_bicubic": psnr(bicubic, batch.highQuality),
    ]
    if let teacher = batch.teacher { figures["psnr_teacher"] = psnr(picture, teacher) }
    figures.merge(pictureLoss.distances(picture, batch)) { $1 }
    return figures
  }

  func previewColumns(_ batch: TrainingBatch) throws -> [Tensor] {
    return
      [model.enlarged(batch.lowQuality), try restored(batch)]
      + [batch.teacher, batch.highQuality].compactMap(\.self)
  }
}
