import NSARM
import Torch

/// The whole picture's latent, blended from tiles that may come in any order.
///
/// Sums are kept as integers in units of 2⁻³², where addition is exact and commutes: the result
/// does not depend on the order of the tiles. Only rows that are still needed are kept.
struct LatentBlender {
  private static let unit = 0x1p32
  let layout: TileLayout
  let channels: Int
  /// First row of `sums`.
  private var top = 0
  /// `[d, rows, W]`, int64.
  private var sums: Tensor
  /// Tiles that are missing in each row of tiles.
  private var missing: [Int]

  init(_ layout: TileLayout, channels: Int) {
    self.layout = layout
    self.channels = channels
    sums = .zeros([channels, 0, layout.latent.width], .int64)
    missing = Array(repeating: layout.columns.starts.count, count: layout.rows.starts.count)
  }

  /// Rows from the top that no missing tile covers.
  var finishedRows: Int {
    missing.firstIndex { $0 > 0 }.map { layout.rows.starts[$0] * layout.cellsPerToken }
      ?? layout.latent.height
  }

  /// Adds F_K of a tile, `[d, h, w]`.
  mutating func add(_ latent: Tensor, tile index: Int) {
    let (size, origin) = (layout.schedule.latent, layout.origin(index))
    let (y, x) = (origin.row * layout.cellsPerToken, origin.column * layout.cellsPerToken)
    precondition(y >= top, "a tile over rows that were given up")
    let end = top + sums.size(1)
    if y + size.height > end {
      let more = Tensor.zeros(
        [channels, y + size.height - end, layout.latent.width], .int64)
      sums = .concatenated([sums, more], 1)
    }
    let weighted = latent.to(.cpu).to(.float64) * layout.weights(index) * Self.unit
    sums.narrowed(1, from: y - top, count: size.height).narrowed(2, from: x, count: size.width)
      .addInPlace(weighted.rounded().to(.int64))
    missing[layout.place(index).row] -= 1
  }

  /// Finished cells, `[d, rows, columns]`, float32.
  func window(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
    precondition(rows.lowerBound >= top && rows.upperBound <= finishedRows, "rows not at hand")
    let piece = sums.narrowed(1, from: rows.lowerBound - top, count: rows.count)
      .narrowed(2, from: columns.lowerBound, count: columns.count)
    return (piece.to(.float64) * (1 / Self.unit)).to(.float32)
  }

  /// Gives up the rows above `row`.
  mutating func discard(above row: Int) {
    let row = min(row, finishedRows)
    guard row > top else { return }
    sums = sums.narrowed(1, from: row - top, count: top + sums.size(1) - row).cloned()
    top = row
  }
}
