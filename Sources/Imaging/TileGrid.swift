import Foundation

/// Where the tiles of one axis start, and how they blend where they overlap.
struct TileAxis: Sendable, Equatable {
  /// Pixels of the picture, of every tile, and of the tiles' common grid.
  let length, tile, multiple: Int
  /// First pixel of each tile, ascending, multiples of `multiple`.
  let starts: [Int]

  init(length: Int, tile: Int, overlap: Int, multiple: Int) {
    // In units of `multiple`: the picture's cells w, a tile's t, the smallest overlap o.
    let w = (length + multiple - 1) / multiple
    let t = min(tile / multiple, w)
    let o = min((overlap + multiple - 1) / multiple, t - 1)
    let count = t >= w ? 1 : (w - o + t - o - 1) / (t - o)
    self.length = length
    self.tile = t * multiple
    self.multiple = multiple
    // Spread evenly: neighbouring starts differ by at most t − o, so the overlap is at least o.
    starts = (0..<count).map { count == 1 ? 0 : $0 * (w - t) / (count - 1) * multiple }
  }

  /// Weights of tile i over its own pixels at `scale` times the size: sin² ramps over the overlap
  /// with each neighbour, divided by the sum over all tiles, so that the weights of a pixel add up
  /// to 1.
  ///
  /// # Shapes
  /// `[tile * scale]`; pixels beyond the picture have weights too.
  func weights(_ i: Int, scale: Int) -> [Float] {
    let start = starts[i] * scale
    return (start..<start + tile * scale).map { x in
      var sum = 0.0
      for j in starts.indices where abs(starts[j] - starts[i]) < tile {
        sum += ramp(j, x, scale)
      }
      return Float(ramp(i, x, scale) / sum)
    }
  }

  private func ramp(_ i: Int, _ x: Int, _ scale: Int) -> Double {
    let (start, end) = (starts[i] * scale, (starts[i] + tile) * scale)
    guard x >= start, x < end else { return 0 }
    func rise(_ distance: Int, _ overlap: Int) -> Double {
      let t = min((Double(distance) + 0.5) / Double(max(overlap, 1)), 1)
      let s = sin(t * Double.pi / 2)
      return s * s
    }
    var weight = 1.0
    if i > 0 { weight *= rise(x - start, (starts[i - 1] + tile) * scale - start) }
    if i + 1 < starts.count { weight *= rise(end - 1 - x, end - starts[i + 1] * scale) }
    return weight
  }
}

/// One tile of a grid.
public struct Tile: Hashable, Sendable {
  /// Position in the grid, row by row from the top.
  public let index: Int
  public let row, column: Int
  /// The pixels it covers; may reach beyond the right and bottom border by less than `multiple`.
  public let rect: PixelRect
}

/// Overlapping tiles of one size that cover a picture, with weights that blend them smoothly.
///
/// All tiles have the same size and start at multiples of `multiple`. A picture smaller than a tile
/// gets one tile, as small as the multiple allows. Tiles may reach beyond the right and bottom
/// border by less than `multiple` pixels; readers repeat the edge there (`ImageReader.planes`).
///
/// Weights are a partition of unity: at every pixel they are positive and add up to 1, whatever the
/// order in which the tiles are blended.
public struct TileGrid: Sendable, Equatable {
  public let width, height: Int
  let columns, rows: TileAxis

  /// - Parameters:
  ///   - width: of the picture, pixels, at least 1. So is height.
  ///   - tile: side of a tile; rounded down to a multiple of `multiple`, which it must reach.
  // /   - overlap: smallest overlap of neighbours, pixels; rounded up to a multiple of `multiple`,
  // and
  ///     limited to half a tile.
  ///   - multiple: what tile sizes and positions are multiples of.
  public init(width: Int, height: Int, tile: Int, overlap: Int, multiple: Int = 1) {
    precondition(width > 0 && height > 0 && multiple > 0, "an empty picture has no tiles")
    precondition(tile >= multiple && overlap >= 0, "a tile must hold at least \(multiple) pixels")
    self.width = width
    self.height = height
    let limited = min(overlap, tile / 2)
    columns = TileAxis(length: width, tile: tile, overlap: limited, multiple: multiple)
    rows = TileAxis(length: height, tile: tile, overlap: limited, multiple: multiple)
  }

  public var tileWidth: Int { columns.tile }
  public var tileHeight: Int { rows.tile }
  public var columnCount: Int { columns.starts.count }
  public var rowCount: Int { rows.starts.count }
  public var count: Int { columnCount * rowCount }

  /// The picture's size rounded up to whole multiples: what the tiles cover together.
  public var coveredRect: PixelRect {
    PixelRect(
      width: columns.starts.last! + columns.tile, height: rows.starts.last! + rows.tile)
  }

  /// The tiles, row by row.
  public var tiles: [Tile] { (0..<count).map { self[$0] } }

  public subscript(index: Int) -> Tile {
    let (row, column) = index.quotientAndRemainder(dividingBy: columnCount)
    return Tile(
      index: index, row: row, column: column,
      rect: PixelRect(
        x: columns.starts[column], y: rows.starts[row], width: columns.tile, height: rows.tile))
  }

  /// Blending weights of a tile in a picture `scale` times as large; the product of both axes'
  /// weights is the weight of a pixel.
  ///
  /// # Shapes
  /// `x [tileWidth * scale]`, `y [tileHeight * scale]`.
  public func weights(_ tile: Tile, scale: Int = 1) -> (x: [Float], y: [Float]) {
    (columns.weights(tile.column, scale: scale), rows.weights(tile.row, scale: scale))
  }
}
