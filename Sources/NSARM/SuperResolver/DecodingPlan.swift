/// The windows in which a latent is decoded, in cells.
struct DecodingPlan {
  /// Cells on each side of a window that are decoded with it and then cut away: how far the decoder
  /// looks, so that windows of a decoder with local normalisation agree with the whole.
  let margin: Int
  /// Rows of windows from the top to the bottom, and windows of a row from the left to the right.
  let bands, columns: [Range<Int>]

  /// - Parameters:
  ///   - rows: cells that the output needs; columns likewise.
  ///   - window: side of a window in output pixels; nil: what keeps the decoder's largest
  ///     activation and the rows of a band at some tens of megabytes.
  init(
    _ decoder: any LatentDecoder, downsampling f: Int, rows: Int, columns: Int, window: Int?
  ) {
    margin = decoder.reach
    let side = window ?? Self.side(decoder)
    let height = window ?? min(side, max(512, 24_000_000 / max(columns * f, 1)))
    bands = Self.split(rows, side: height / f)
    self.columns = Self.split(columns, side: side / f)
  }

  /// The plan for a picture of `width` x `height` low-quality pixels.
  init(
    _ layout: TileLayout, width: Int, height: Int, _ options: SuperResolver.Options, _ model: Model
  ) {
    let unit = layout.pixelsPerCell
    self.init(
      model.decoder, downsampling: model.configuration.tokenizer.downsampling,
      rows: (height + unit - 1) / unit, columns: (width + unit - 1) / unit,
      window: options.window ?? Self.trainedSide(model.configuration))
  }

  /// Side in output pixels of the windows of a model.
  static func side(_ decoder: any LatentDecoder, _ configuration: ModelConfiguration) -> Int {
    trainedSide(configuration) ?? side(decoder)
  }

  private static func side(_ decoder: any LatentDecoder) -> Int {
    var side = 512
    while side < 2048, Double(4 * side * side) * decoder.valuesPerPixel <= 40_000_000 { side *= 2 }
    return side
  }

  /// Normalisation over groups sees all of a window, which has the size that its tokenizer is meant
  /// for: a tile's.
  private static func trainedSide(_ configuration: ModelConfiguration) -> Int? {
    let tokenizer = configuration.tokenizer
    guard tokenizer.normalization == .group, tokenizer.trunk == nil else { return nil }
    return configuration.tileSide
  }

  /// A range with the margin on both sides, within the latent's `count` cells.
  func widened(_ range: Range<Int>, _ count: Int) -> Range<Int> {
    max(0, range.lowerBound - margin)..<min(count, range.upperBound + margin)
  }

  /// Cells that are decoded in all, margins included.
  func decodedCells(of latent: GridSize) -> Int {
    bands.reduce(0) { $0 + widened($1, latent.height).count }
      * columns.reduce(0) { $0 + widened($1, latent.width).count }
  }

  /// Ranges of about equal length, at most `side` each.
  private static func split(_ count: Int, side: Int) -> [Range<Int>] {
    let parts = (count + max(side, 1) - 1) / max(side, 1)
    return (0..<parts).map { $0 * count / parts..<($0 + 1) * count / parts }
  }
}
