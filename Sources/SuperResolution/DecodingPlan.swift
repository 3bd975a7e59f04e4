import NSARM
import Torch

/// The windows in which a latent is decoded, in cells.
struct DecodingPlan {
  /// Cells on each side of a window that are decoded with it and then cut away, as far as the
  /// decoder looks, so that windows of a decoder with local normalisation agree with the whole.
  let margin: Int
  /// Cells on each side of a window's border over which it and its neighbour fade into each other;
  /// 0: they agree.
  let overlap: Int
  /// Rows of windows from the top to the bottom, and windows of a row from the left to the right.
  let bands, columns: [Range<Int>]

  /// - Parameters:
  ///   - rows: cells that the output needs; columns likewise.
  ///   - window: side of a window in output pixels; nil: the side that keeps the decoder's largest
  ///     activation and the rows of a band at some tens of megabytes.
  init(
    _ decoder: any LatentDecoder, downsampling f: Int, rows: Int, columns: Int, window: Int?
  ) {
    let side = window ?? Self.side(decoder)
    let height = window ?? min(side, max(512, 24_000_000 / max(columns * f, 1)))
    bands = Self.split(rows, side: height / f)
    self.columns = Self.split(columns, side: side / f)
    let shortest = (bands + self.columns).map(\.count).min() ?? 0
    overlap = min(decoder.overlap, shortest / 2)
    margin = decoder.reach + overlap
  }

  /// The plan for a picture of `width` x `height` low-quality pixels.
  init(
    _ layout: TileLayout, width: Int, height: Int, _ options: SuperResolver.Options, _ model: Model
  ) {
    let unit = layout.pixelsPerCell
    self.init(
      model.decoder, downsampling: model.configuration.tokenizer.downsampling,
      rows: (height + unit - 1) / unit, columns: (width + unit - 1) / unit,
      window: options.window ?? Self.trainedSide(model.decoder, model.configuration))
  }

  /// Side in output pixels of the windows of a model.
  static func side(_ decoder: any LatentDecoder, _ configuration: ModelConfiguration) -> Int {
    trainedSide(decoder, configuration) ?? side(decoder)
  }

  private static func side(_ decoder: any LatentDecoder) -> Int {
    var side = 512
    while side < 2048, Double(4 * side * side) * decoder.valuesPerPixel <= 64_000_000 { side *= 2 }
    return side
  }

  /// Normalisation over groups sees all of a window, which has the size that its tokenizer is meant
  /// for: a tile's. Decoders that read the low-quality picture do not normalise.
  private static func trainedSide(
    _ decoder: any LatentDecoder, _ configuration: ModelConfiguration
  ) -> Int? {
    guard configuration.tokenizer.normalization == .group, !decoder.readsLowQuality else {
      return nil
    }
    return configuration.tileSide
  }

  /// A range with the margin on both sides, within the latent's `count` cells.
  func widened(_ range: Range<Int>, _ count: Int) -> Range<Int> {
    max(0, range.lowerBound - margin)..<min(count, range.upperBound + margin)
  }

  /// The cells of a window that are used: its own, and those that it shares with its neighbours
  /// among `windows`.
  func used(_ window: Range<Int>, _ windows: [Range<Int>]) -> Range<Int> {
    let end = windows.last!.upperBound
    return max(0, window.lowerBound - overlap)..<min(end, window.upperBound + overlap)
  }

  /// The weights of the output pixels of `used(window)` along one axis, float32: ramps towards
  /// neighbours, whose own ramps make up for them. nil: all of them fully.
  /// - Parameter side: pixels of a cell.
  func weights(_ window: Range<Int>, _ windows: [Range<Int>], side: Int) -> Tensor? {
    guard overlap > 0, windows.count > 1 else { return nil }
    let used = used(window, windows)
    let (ramp, count) = (Float(2 * overlap * side), used.count * side)
    var weights = [Float](repeating: 1, count: count)
    for i in 0..<2 * overlap * side {
      let weight = (Float(i) + 0.5) / ramp
      if window != windows.first { weights[i] = weight }
      if window != windows.last { weights[count - 1 - i] = weight }
    }
    return Tensor(weights)
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
