/// The windows in which a latent is decoded, in cells.
struct DecodingPlan {
  /// Cells on each side of a window that are decoded with it and then cut away: how far the decoder
  /// looks, so that windows of a decoder with local normalisation agree with the whole.
  let margin: Int
  /// Rows of windows from the top to the bottom, and windows of a row from the left to the right.
  let bands, columns: [Range<Int>]

  /// - Parameters:
  ///   - rows: cells that the output needs; columns likewise.
  ///   - window: side of a window in output pixels; nil: what keeps the decoder's largest activation
  ///     and the rows of a band at some tens of megabytes.
  init(_ c: AutoencoderConfiguration, rows: Int, columns: Int, window: Int?) {
    margin = Self.reach(c)
    // The finest level has this many channels per square of stemPatch² pixels.
    let values = 40_000_000 * c.stemPatch * c.stemPatch / c.decoderShape.channels[0]
    var side = 512
    while side < 2048, 4 * side * side <= values { side *= 2 }
    side = window ?? side
    let height = window ?? min(side, max(512, 24_000_000 / max(columns * c.downsampling, 1)))
    bands = Self.split(rows, side: height / c.downsampling)
    self.columns = Self.split(columns, side: side / c.downsampling)
  }

  /// The plan for a picture of `width` x `height` low-quality pixels.
  init(
    _ layout: TileLayout, width: Int, height: Int, _ options: SuperResolver.Options,
    _ configuration: ModelConfiguration
  ) {
    let unit = layout.pixelsPerCell
    self.init(
      configuration.tokenizer, rows: (height + unit - 1) / unit, columns: (width + unit - 1) / unit,
      window: options.window)
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

  /// How many cells beyond its own an output pixel depends on: one pixel at the resolution of each 3x3
  /// convolution on the way.
  static func reach(_ c: AutoencoderConfiguration) -> Int {
    var reach = 1.0 + 2 * 2  // conv_in and the middle blocks
    var cell = 1.0  // side of a pixel of the level, in cells
    let shape = c.decoderShape
    let count = shape.channels.count
    var guideReach = 0.0
    for i in shape.channels.indices.reversed() {
      if let guide = c.guide, cell == Double(guide.scale) / Double(c.downsampling), guideReach == 0
      {
        let before = reach
        guideReach = (1 + 2 * Double(guide.blocks)) * cell
        reach = max(before, guideReach)
      }
      reach += 2 * Double(shape.blocks[i]) * cell
      if i > count - 1 - c.downsampledLevels {
        cell /= 2
        reach += cell  // the convolution after the enlargement
      }
    }
    for _ in shape.head {
      reach += cell
      cell /= 2
    }
    reach += cell  // conv_out
    return Int(reach.rounded(.up)) + 1
  }
}
