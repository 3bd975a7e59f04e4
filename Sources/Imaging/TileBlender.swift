import Foundation

/// Blends the processed tiles of a grid and hands out finished rows from top to bottom.
///
/// Memory is that of the rows which some tile still covers: about two tile heights of the result,
/// not the whole picture. Tiles come row of tiles by row of tiles; within a row of tiles in any
/// order.
///
/// ```swift
/// var blender = TileBlender(grid, scale: 4, channels: 3)
/// for tile in grid.tiles {
///   let strips = blender.add(process(tile), at: tile)
///   for strip in strips { try writer.write(strip) }
/// }
/// ```
public struct TileBlender: Sendable {
  public let grid: TileGrid
  /// Size of the result relative to the grid's picture.
  public let scale: Int
  public let channels: Int

  private let width, height: Int
  /// First row of the result that has not been handed out.
  public private(set) var nextRow = 0
  /// Rows from `nextRow` on, `[channels][rows * width]`.
  private var pending: [[Float]]
  private var pendingRows = 0
  private var row = 0
  private var tilesInRow = 0

  public init(_ grid: TileGrid, scale: Int = 1, channels: Int = 3) {
    precondition(scale > 0 && channels > 0)
    self.grid = grid
    self.scale = scale
    self.channels = channels
    width = grid.width * scale
    height = grid.height * scale
    pending = [[Float]](repeating: [], count: channels)
  }

  /// Adds a processed tile; returns the rows it completes, empty until a row of tiles is complete.
  ///
  /// # Shapes
  /// tile `[channels, tileHeight * scale, tileWidth * scale]` →
  /// strips `[channels, n, width * scale]`.
  public mutating func add(_ values: Planes, at tile: Tile) -> [Planes] {
    let rect = tile.rect.scaled(by: scale)
    precondition(
      values.width == rect.width && values.height == rect.height && values.channels == channels,
      "a processed tile is \(rect.width)x\(rect.height)x\(channels)")
    precondition(tile.row == row, "tiles come row by row")
    grow(to: min(rect.bottom, height))
    accumulate(values, rect, grid.weights(tile, scale: scale))
    tilesInRow += 1
    guard tilesInRow == grid.columnCount else { return [] }
    tilesInRow = 0
    row += 1
    let end = row < grid.rowCount ? grid.rows.starts[row] * scale : height
    return take(end - nextRow)
  }

  private mutating func grow(to end: Int) {
    let missing = end - nextRow - pendingRows
    guard missing > 0 else { return }
    for c in 0..<channels {
      pending[c].append(contentsOf: repeatElement(0, count: missing * width))
    }
    pendingRows += missing
  }

  private mutating func accumulate(
    _ values: Planes, _ rect: PixelRect, _ weights: (x: [Float], y: [Float])
  ) {
    let columns = min(rect.right, width) - rect.x
    let rows = min(rect.bottom, height) - rect.y
    let top = rect.y - nextRow
    let width = width
    values.values.withUnsafeBufferPointer { source in
      weights.x.withUnsafeBufferPointer { wx in
        for c in 0..<channels {
          pending[c].withUnsafeMutableBufferPointer { target in
            for y in 0..<rows {
              let wy = weights.y[y]
              let from = source.baseAddress! + (c * rect.height + y) * rect.width
              let to = target.baseAddress! + (top + y) * width + rect.x
              for x in 0..<columns { to[x] += from[x] * (wx[x] * wy) }
            }
          }
        }
      }
    }
  }

  private mutating func take(_ rows: Int) -> [Planes] {
    guard rows > 0 else { return [] }
    var values: [Float] = []
    values.reserveCapacity(channels * rows * width)
    for c in 0..<channels {
      values.append(contentsOf: pending[c].prefix(rows * width))
      pending[c].removeFirst(rows * width)
    }
    pendingRows -= rows
    nextRow += rows
    return [Planes(width: width, height: rows, channels: channels, values: values)]
  }
}
