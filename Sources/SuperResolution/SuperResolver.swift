import Foundation
import NSARM
import Torch

/// Why a picture could not be restored, in one line.
public enum SuperResolutionError: Error, LocalizedError, CustomStringConvertible {
  /// Only the model's tokenizer has been trained.
  case noTransformer(model: String)
  /// The pixels of a latent cell are no multiple of the scale.
  case indivisibleCells(model: String, pixels: Int, scale: Int)
  /// The model needs more bytes than it may take. `setBy` names what sets the limit; nil: the
  /// caller.
  case modelTooLarge(needed: Int, limit: Int, Precision, setBy: AvailableMemory.Limit?)
  /// Memory ran out during a picture of this size.
  case outOfMemory(TorchError, width: Int, height: Int)

  public var description: String {
    switch self {
    case .noTransformer(let model):
      "model '\(model)' has no transformer: only its tokenizer has been trained"
    case .indivisibleCells(let model, let pixels, let scale):
      "model '\(model)': latent cells of \(pixels) pixels do not divide into input pixels of \(scale)"
    case .modelTooLarge(let needed, let limit, let precision, _):
      "this model needs \(MemoryPlan.gigabytes(needed)) of memory in \(precision.rawValue), and"
        + " \(MemoryPlan.gigabytes(limit)) may be used"
    case .outOfMemory(let error, let width, let height):
      "\(error) for a picture of \(width)x\(height) pixels"
    }
  }

  public var errorDescription: String? { description }
}

/// Restores pictures of any size (`Documentation/method.md`, "Generation"): overlapping tiles →
/// prefix residuals → bits per scale → latents, blended into the whole picture's latent → windows
/// of the decoder → rows of the output.
///
/// Bits are drawn with noise that depends on the seed and the place in the picture only; latents
/// are summed exactly. So the output does not depend on the order of the tiles, and memory is that
/// of some rows of tiles and windows, not of the picture.
///
/// ```swift
/// let resolver = try SuperResolver(ModelFolder("Models/nano").load())
/// let picture = try resolver.upscaled(lowQuality)  // [3, h, w] in [-1, 1] → [3, 4 h, 4 w]
/// ```
///
/// Sendable: restoring only reads the model, and `restore` lets what several tasks ask for follow
/// each other on one thread.
public final class SuperResolver: Sendable {
  public struct Options: Sendable {
    /// Key of the sampling noise.
    public var seed: UInt64 = 0
    /// The sampling of bits; nil: as the model recommends.
    public var sampling: SamplingConfiguration?
    /// Share of a tile that its neighbour covers too, 0 ≤ overlap < 1.
    public var overlap = 0.25
    /// Tiles that go through the transformer together: more is faster and takes more memory.
    public var batch = 16
    /// Side of the decoder's windows in output pixels; nil: by the size of the decoder.
    public var window: Int?
    /// Shortcuts that cost quality; none by default.
    public var acceleration = Acceleration()
    /// Features of a description of the picture, for models conditioned on text; nil: their
    /// recommended prompt, or where they have none their null text.
    public var text: TextFeatures?
    /// Features of the text that guidance leads away from; nil: the null text.
    public var negativeText: TextFeatures?

    /// The interpolation by which F_{k−1} is resized to scale k; nil: as the model says.
    public var contextResize: Tensor.Interpolation?
    /// Sees what the networks make of every batch of tiles; an error thrown here stops the work.
    public var inspect: (@Sendable (GeneratedTiles) throws -> Void)?

    /// Order in which the tiles are generated, for tests; nil: row by row.
    var order: [Int]?

    public init() {}
  }

  public let model: Model
  /// nil: the model has no code.
  private let generator: Generator?
  package let worker = SerialWorker()
  private var policy: ComputePolicy { model.policy }
  private var device: Device { policy.device }

  /// The largest number of tiles that memory holds.
  private let batchLimit: Int

  /// - Parameters:
  ///   - model: the networks.
  ///   - batch: the largest number of tiles that go through the transformer together, whatever the
  ///     options say; see `MemoryPlan`.
  /// - Throws: `SuperResolutionError` when the model has a code but lacks its transformer.
  public init(_ model: Model, batch: Int = .max) throws {
    generator = try throwingResourceErrors { Generator(model) }
    guard generator != nil || !model.hasCode else {
      throw SuperResolutionError.noTransformer(model: model.configuration.name)
    }
    self.model = model
    batchLimit = batch
  }

  /// The whole restored picture, `[3, scale · h, scale · w]`, RGB in [-1, 1], float32 on the CPU.
  ///
  /// - Parameters:
  ///   - picture: `[3, h, w]` in [-1, 1].
  ///   - options: seed, tiles, sampling.
  public func upscaled(_ picture: Tensor, _ options: Options = Options()) throws -> Tensor {
    var strips: [Tensor] = []
    try self(LowQualityPicture(picture), options) { _, strip in strips.append(strip) }
    return .concatenated(strips, 1)
  }

  /// Restores a picture from the top to the bottom.
  ///
  /// - Parameters:
  ///   - picture: the low-quality picture.
  ///   - options: seed, tiles, sampling.
  ///   - progress: called often with the share of the work that is done; an error thrown here stops
  ///     the work.
  ///   - preview: called after every scale of some tiles; an error thrown here stops the work.
  ///   - rows: takes the output, strip by strip: the first row's number and `[3, n, scale · w]`,
  ///     RGB in [-1, 1], float32 on the CPU.
  public func callAsFunction(
    _ picture: LowQualityPicture, _ options: Options = Options(),
    progress: @escaping (Double) throws -> Void = { _ in },
    preview: ((ScalePreview) throws -> Void)? = nil,
    rows: (_ first: Int, _ strip: Tensor) throws -> Void
  ) throws {
    try withResources(for: picture) {
      _ = try restore(picture, options, nil, progress: progress, preview: preview, rows: rows)
    }
  }

  /// Restores a frame of a video, which takes over codes and noise of the frame before.
  ///
  /// - Parameters:
  ///   - frame: the low-quality frame.
  ///   - context: the information from the frame before; without any the frame is restored as a
  ///     picture.
  ///   - options: as for pictures, as are `progress` and `rows`.
  ///   - progress: called often with the share of the work that is done.
  ///   - rows: takes the output, strip by strip.
  /// - Returns: the frame's codes, for the next one.
  public func callAsFunction(
    frame: LowQualityPicture, _ context: TemporalPrior, _ options: Options = Options(),
    progress: @escaping (Double) throws -> Void = { _ in },
    rows: (_ first: Int, _ strip: Tensor) throws -> Void
  ) throws -> FrameCodes {
    try withResources(for: frame) {
      try restore(frame, options, context, progress: progress, preview: nil, rows: rows)!
    }
  }

  /// - Returns: the codes where there is a context.
  private func restore(
    _ picture: LowQualityPicture, _ options: Options, _ context: TemporalPrior?,
    progress: @escaping (Double) throws -> Void, preview: ((ScalePreview) throws -> Void)?,
    rows: (_ first: Int, _ strip: Tensor) throws -> Void
  ) throws -> FrameCodes? {
    let c = model.configuration
    precondition((0..<1).contains(options.overlap) && options.batch > 0)
    try options.sampling?.validate(scales: c.schedule.count, depth: c.transformer?.depth)
    try options.acceleration.validate(
      fewest: c.fewestScales, scales: c.schedule.count,
      forced: model.transformationNetwork?.scaleCount ?? 0)
    let layout = try TileLayout(
      c, width: picture.width, height: picture.height, overlap: options.overlap)
    let plan = DecodingPlan(
      layout, width: picture.width, height: picture.height, options, model)
    var work = RestorationProgress(
      layout, plan, operationCount(layout, plan, options), report: progress)
    let scales = scaleCount(options)
    guard let generator, scales > 0 else {
      var fading = FadingBands(plan, scale: c.tokenizer.downsampling)
      for band in plan.bands {
        let strip = try decoded(band, plan, nil, picture, layout, &work)
        let finished = fading.add(strip, band)
        try rows(finished.first, finished.rows)
      }
      return context.map { _ in FrameCodes(bits: [], places: []) }
    }
    var blender = LatentBlender(layout, channels: c.tokenizer.latentChannels)
    var bands = plan.bands[...]
    var fading = FadingBands(plan, scale: c.tokenizer.downsampling)
    var codes = context.map { FrameCodes.Builder($0, layout) }

    let order = options.order ?? Array(0..<layout.count)
    try work.report()
    let batch = min(options.batch, batchLimit)
    for start in stride(from: 0, to: order.count, by: batch) {
      let tiles = Array(order[start..<min(start + batch, order.count)])
      let latents = try latents(
        generator, scales, tiles, picture, layout, options, &codes, &work
      ) {
        [model] scale, sum, lowQuality in
        try checkResources()
        try preview?(
          ScalePreview(
            scale: scale, scaleCount: scales,
            tilesDone: start, tileCount: layout.count, tiles: tiles.map(layout.previewTile),
            sum: sum, lowQuality: lowQuality, model: model,
            cells: layout.schedule.latents[scale]))
      }
      for (i, tile) in tiles.enumerated() { blender.add(latents.selected(0, i), tile: tile) }

      while let band = bands.first,
        blender.finishedRows >= min(band.upperBound + plan.margin, layout.latent.height)
      {
        let strip = try decoded(band, plan, blender, picture, layout, &work)
        let finished = fading.add(strip, band)
        try rows(finished.first, finished.rows)
        bands.removeFirst()
        if let next = bands.first { blender.discard(above: next.lowerBound - plan.margin) }
      }
    }
    return codes?.codes
  }

  /// F_K of some tiles, `[B, d, h, w]`.
  private func latents(
    _ generator: Generator, _ scales: Int, _ tiles: [Int], _ picture: LowQualityPicture,
    _ layout: TileLayout, _ options: Options,
    _ codes: inout FrameCodes.Builder?, _ work: inout RestorationProgress,
    inspect: @escaping (_ scale: Int, _ sum: Tensor, _ lowQuality: Tensor) throws -> Void
  ) throws -> Tensor {
    let c = model.configuration
    let pieces = try tiles.map { tile in
      let pixels = layout.pixels(tile)
      return try picture.window(pixels.rows, pixels.columns)
    }
    let lowQuality = Tensor.stacked(pieces).to(device)  // [B, 3, h, w]
    let sampling = options.sampling ?? c.sampling
    var generation = GenerationOptions()
    generation.sampling = sampling
    generation.seed = options.seed
    generation.contextResize = options.contextResize ?? c.contextResize
    generation.acceleration = options.acceleration
    generation.origins = { k in tiles.map { layout.origin($0, scale: k) } }
    generation.inspectSum = { try inspect($0, $1, lowQuality) }
    let carried = codes?.carried(tiles, on: device)
    if let carried { generation.carried = { carried[$0] } }

    let transformer = generator.transformer
    var (condition, unconditional): (Condition?, Condition?) = (nil, nil)
    try withoutGradients {
      policy {
        generation.prefix = model.prefix(lowQuality: lowQuality)
        let reads = c.transformer?.picture != nil ? lowQuality : nil
        let given = options.text ?? model.text
        let text = transformer.text(given, batch: tiles.count, on: device)
        condition = transformer.condition(lowQuality: reads, text: text)
        // Guidance from the null text to itself leads nowhere.
        if !sampling.guidance.isOff, given != nil || options.negativeText != nil {
          let away = transformer.text(
            options.negativeText, instead: given, batch: tiles.count, on: device)
          unconditional = transformer.condition(lowQuality: reads, text: away)
        }
      }
      try work.report()
      // Within the batch progress goes by tokens.
      let tokens = layout.schedule.tokens.map(\.count)
      let total = Double(tokens.reduce(0, +))
      generation.progress = { [work] k in
        try work.report(
          tilesAhead: Double(tokens[..<k].reduce(0, +)) / total * Double(tiles.count))
      }
    }
    var logits: [Tensor] = []
    if options.inspect != nil { generation.inspectLogits = { logits.append($1) } }
    let result = try generator(
      condition!, unconditional: unconditional, scaleCount: scales, generation)
    try options.inspect?(
      GeneratedTiles(
        tiles: tiles, text: (options.text ?? model.text)?.features,
        latent: withoutGradients { model.latent(lowQuality: lowQuality) },
        prefix: generation.prefix, logits: logits,
        bits: result.bits,
        sum: result.latent))
    if let carried { codes!.add(tiles, result.bits, carried) }
    try work.finish(tiles: tiles.count)
    return result.latent
  }

  /// Output rows of a band and of the rows that it shares with its neighbours, `[3, n, scale · w]`.
  /// - Parameter blender: has the latent; nil: there is none.
  private func decoded(
    _ band: Range<Int>, _ plan: DecodingPlan, _ blender: LatentBlender?,
    _ picture: LowQualityPicture, _ layout: TileLayout, _ work: inout RestorationProgress
  ) throws -> Tensor {
    let c = model.configuration
    let (f, unit) = (c.tokenizer.downsampling, layout.pixelsPerCell)
    let rows = plan.widened(band, layout.latent.height)
    let usedRows = plan.used(band, plan.bands)
    let height = min(usedRows.upperBound * f, picture.height * c.scale) - usedRows.lowerBound * f
    let strip = Tensor.zeros([3, height, picture.width * c.scale])
    for window in plan.columns {
      let columns = plan.widened(window, layout.latent.width)
      let used = plan.used(window, plan.columns)
      let latent = blender?.window(rows, columns).unsqueezed(0).to(device)
      var lowQuality: Tensor?
      if model.decoder.readsLowQuality {
        lowQuality = try picture.window(
          rows.lowerBound * unit..<rows.upperBound * unit,
          columns.lowerBound * unit..<columns.upperBound * unit
        ).unsqueezed(0).to(device)
      }
      let cells = band.count * window.count
      let decoded = try withoutGradients {
        try policy {
          try model.decoder(latent, lowQuality: lowQuality) { [work] share in
            try work.report(cellsAhead: share * Double(cells))
          }.to(.float32)
        }
      }
      let width = min(used.upperBound * f, picture.width * c.scale) - used.lowerBound * f
      var inside = decoded.selected(0, 0)
        .narrowed(1, from: (usedRows.lowerBound - rows.lowerBound) * f, count: height)
        .narrowed(2, from: (used.lowerBound - columns.lowerBound) * f, count: width)
        .clamped(min: -1, max: 1).to(.cpu)
      if let weights = plan.weights(window, plan.columns, side: f) {
        inside = inside * weights.narrowed(0, from: 0, count: width)
      }
      strip.narrowed(2, from: used.lowerBound * f, count: width).addInPlace(inside)
      try work.finish(cells: cells)
    }
    try checkResources()
    return strip
  }
}
