import Foundation
import NSARM
import Torch

/// The starts and blending of the tiles along one axis, in tokens of the last scale.
struct TileAxis: Equatable {
  /// Tokens of the picture (at least a tile's), and of a tile.
  let length, tile: Int
  /// First token of each tile, ascending.
  let starts: [Int]

  /// - Parameters:
  ///   - length: tokens that hold the picture.
  ///   - overlap: share of a tile that its neighbour covers too, below 1.
  init(length: Int, tile: Int, overlap: Double) {
    let length = max(length, tile)
    let stride = min(max(Int((Double(tile) * (1 - overlap)).rounded()), 1), tile)
    var starts = [0]
    while starts.last! + tile < length {
      starts.append(min(starts.last! + stride, length - tile))
    }
    self.length = length
    self.tile = tile
    self.starts = starts
  }

  /// Weights of tile i over its cells, `cells` of which make a token: sin² ramps over what it
  /// shares with each neighbour, divided by the sum over all tiles, so that the weights of a cell
  /// add up to 1.
  func weights(_ i: Int, cells: Int) -> [Double] {
    (starts[i] * cells..<(starts[i] + tile) * cells).map { x in
      let sum = starts.indices.reduce(0) { $0 + ramp($1, x, cells) }
      return ramp(i, x, cells) / sum
    }
  }

  private func ramp(_ i: Int, _ x: Int, _ cells: Int) -> Double {
    let (start, end) = (starts[i] * cells, (starts[i] + tile) * cells)
    guard x >= start, x < end else { return 0 }
    func rise(_ distance: Int, over overlap: Int) -> Double {
      guard overlap > 0, distance < overlap else { return 1 }
      let s = sin((Double(distance) + 0.5) / Double(overlap) * .pi / 2)
      return s * s
    }
    var weight = 1.0
    if i > 0 { weight *= rise(x - start, over: (starts[i - 1] + tile) * cells - start) }
    if i + 1 < starts.count { weight *= rise(end - 1 - x, over: end - starts[i + 1] * cells) }
    return weight
  }
}

/// The overlapping tiles of a picture. Three units: pixels of the low-quality picture, cells of the
/// latent, tokens of the transformer's last scale.
struct TileLayout {
  let schedule: ScaleSchedule
  let rows, columns: TileAxis
  /// Cells along the side of a token, and low-quality pixels along the side of a cell.
  let cellsPerToken, pixelsPerCell: Int

  init(_ configuration: ModelConfiguration, width: Int, height: Int, overlap: Double) throws {
    let schedule = configuration.scaleSchedule
    let (f, scale) = (configuration.tokenizer.downsampling, configuration.scale)
    guard f % scale == 0 else {
      throw SuperResolutionError.indivisibleCells(
        model: configuration.name, pixels: f, scale: scale)
    }
    cellsPerToken = schedule.patch
    pixelsPerCell = f / scale
    self.schedule = schedule
    let last = schedule.tokens[schedule.count - 1]
    let side = cellsPerToken * pixelsPerCell
    rows = TileAxis(length: (height + side - 1) / side, tile: last.height, overlap: overlap)
    columns = TileAxis(length: (width + side - 1) / side, tile: last.width, overlap: overlap)
  }

  /// Low-quality pixels of a tile.
  var tilePixels: Int {
    let side = cellsPerToken * pixelsPerCell
    return rows.tile * columns.tile * side * side
  }

  var count: Int { rows.starts.count * columns.starts.count }
  /// Size of the whole latent, in cells.
  var latent: GridSize { GridSize(rows.length * cellsPerToken, columns.length * cellsPerToken) }

  /// Place of tile `index`, row by row, in the grid of tiles.
  func place(_ index: Int) -> (row: Int, column: Int) {
    let count = columns.starts.count
    return (index / count, index % count)
  }

  /// First token of a tile.
  func origin(_ index: Int) -> GridOffset {
    let place = place(index)
    return GridOffset(row: rows.starts[place.row], column: columns.starts[place.column])
  }

  /// First token of a tile on the whole picture's grid of scale k: ⌊o · n_k / n_K⌋ for a tile of
  /// n_k tokens a side at that scale.
  func origin(_ index: Int, scale k: Int) -> GridOffset {
    let (origin, size) = (origin(index), schedule.tokens[k])
    return GridOffset(
      row: origin.row * size.height / rows.tile, column: origin.column * size.width / columns.tile)
  }

  /// The rectangle of low-quality pixels under a tile.
  func pixels(_ index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (origin, side) = (origin(index), cellsPerToken * pixelsPerCell)
    return (
      origin.row * side..<(origin.row + rows.tile) * side,
      origin.column * side..<(origin.column + columns.tile) * side
    )
  }

  func previewTile(_ index: Int) -> ScalePreview.Tile {
    let place = place(index)
    return ScalePreview.Tile(
      row: place.row, of: rows, column: place.column, of: columns,
      side: cellsPerToken * pixelsPerCell)
  }

  /// Blending weights of a tile's cells, `[h, w]`, float64.
  func weights(_ index: Int) -> Tensor {
    let place = place(index)
    let y = Tensor(rows.weights(place.row, cells: cellsPerToken))
    let x = Tensor(columns.weights(place.column, cells: cellsPerToken))
    return y.unsqueezed(1) * x
  }
}
