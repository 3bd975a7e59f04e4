import NSARM
import Torch

/// A preview of the tiles under way after a scale: next-scale prediction gives a whole, coarse
/// picture at every scale, which decoding makes visible.
public struct ScalePreview {
  /// The input's pixels under a tile; they may reach beyond the picture.
  public struct Tile: Equatable, Sendable {
    public let rows, columns: Range<Int>
    /// The tiles of an axis, and which of them this is.
    private let rowAxis, columnAxis: TileAxis
    private let row, column: Int
    /// The input's pixels along the side of a token.
    private let side: Int

    init(row: Int, of rowAxis: TileAxis, column: Int, of columnAxis: TileAxis, side: Int) {
      func pixels(_ i: Int, _ axis: TileAxis) -> Range<Int> {
        axis.starts[i] * side..<(axis.starts[i] + axis.tile) * side
      }
      rows = pixels(row, rowAxis)
      columns = pixels(column, columnAxis)
      (self.row, self.column, self.side) = (row, column, side)
      (self.rowAxis, self.columnAxis) = (rowAxis, columnAxis)
    }

    /// The tile's weights at its rows and at its columns: at a pixel, the products of both over all
    /// tiles add up to 1.
    public var weights: (rows: [Double], columns: [Double]) {
      (rowAxis.weights(row, cells: side), columnAxis.weights(column, cells: side))
    }
  }

  /// The scale that has just been done, from 0, and how many there are.
  public let scale, scaleCount: Int
  /// Tiles that were done before these, and all of the picture.
  public let tilesDone, tileCount: Int
  public let tiles: [Tile]
  /// F_k, `[B, d, h, w]`.
  let sum: Tensor
  /// `[B, 3, h, w]`.
  let lowQuality: Tensor
  let model: Model
  let cells: GridSize

  /// The tiles as pictures, `[B, 3, h, w]`, RGB in [-1, 1], float32 on the CPU: as large as the
  /// scale makes sense of, a quarter of the work of decoding them at most.
  ///
  /// - Parameter side: no side is longer by much.
  public func pictures(side: Int) -> Tensor {
    let f = model.configuration.tokenizer.downsampling
    let limit = max(side / f, 4)
    let height = min(cells.height, sum.size(2) / 2, limit)
    let width = min(cells.width, sum.size(3) / 2, limit)
    let unit = f / model.configuration.scale
    return withoutGradients {
      model.policy {
        let latent = sum.to(.float32).resized(max(height, 1), max(width, 1), .area)
        let picture =
          model.decoder.readsLowQuality
          ? lowQuality.resized(max(height, 1) * unit, max(width, 1) * unit, .area) : nil
        return model.decoder(latent, lowQuality: picture).to(.float32).to(.cpu)
          .clamped(min: -1, max: 1)
      }
    }
  }
}
