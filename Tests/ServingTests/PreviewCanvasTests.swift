import Foundation
import Imaging
import TestSupport
import Testing

@testable import NSARM
@testable import Serving
@testable import SuperResolution

@Suite struct PreviewCanvasTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A canvas of a grey picture, and its tiles: two that overlap by half.
  private func canvas(width: Int = 96, height: Int = 64) throws -> (
    PreviewCanvas, [ScalePreview.Tile]
  ) {
    try Image(FloatImage(width: width, height: height, channels: 3, repeating: 0.5)).write(
      to: folder("photo.png"))
    let rows = TileAxis(length: 8, tile: 8, overlap: 0.5)
    let columns = TileAxis(length: 12, tile: 8, overlap: 0.5)
    let tiles = columns.starts.indices.map {
      ScalePreview.Tile(row: 0, of: rows, column: $0, of: columns, side: 8)
    }
    return (try PreviewCanvas(ImageFile.open(folder("photo.png")), scale: 4), tiles)
  }

  private func plain(_ value: Float) -> FloatImage {
    FloatImage(width: 16, height: 16, channels: 3, repeating: value)
  }

  /// The largest step between neighbours in a row.
  private func step(_ canvas: PreviewCanvas) -> Float {
    let row = (0..<canvas.planes.width).map { canvas.planes[0, canvas.planes.height / 2, $0] }
    return zip(row, row.dropFirst()).map { abs($0 - $1) }.max()!
  }

  @Test func tilesFadeIntoEachOther() throws {
    var (canvas, tiles) = try canvas()
    canvas.paint([(plain(0.2), tiles[0]), (plain(0.8), tiles[1])])
    let row = (0..<canvas.planes.width).map { canvas.planes[1, 100, $0] }
    #expect(abs(row.first! - 0.2) < 1e-4 && abs(row.last! - 0.8) < 1e-4)
    // No seam: the step of a hard edge would be 0.6.
    #expect(step(canvas) < 0.05, "\(step(canvas))")
    #expect(zip(row, row.dropFirst()).allSatisfy { $0 <= $1 + 1e-4 })
  }

  @Test func laterScalesReplaceEarlierOnes() throws {
    var (canvas, tiles) = try canvas()
    canvas.paint([(plain(0.9), tiles[0])])
    canvas.paint([(plain(0.1), tiles[0])])
    #expect(abs(canvas.planes[0, 50, 5] - 0.1) < 1e-4)
    // The input shows towards the tile that is not done.
    #expect(step(canvas) < 0.05)
    canvas.paint([(plain(1), tiles[1])])
    canvas.paint([(plain(0.1), tiles[1])])
    for x in 0..<canvas.planes.width { #expect(abs(canvas.planes[0, 50, x] - 0.1) < 1e-3) }
  }

  /// Tiles reach beyond the picture, and previews of large pictures are smaller than the tiles.
  @Test(arguments: [(90, 50), (2000, 1300)]) func anySizeIsFilled(_ width: Int, _ height: Int)
    throws
  {
    var (canvas, _) = try canvas(width: width, height: height)
    let side = 8
    func axis(_ pixels: Int) -> TileAxis {
      TileAxis(length: (pixels + side - 1) / side, tile: 8, overlap: 0.25)
    }
    let (rows, columns) = (axis(height), axis(width))
    for row in rows.starts.indices {
      canvas.paint(
        columns.starts.indices.map {
          (plain(0.7), ScalePreview.Tile(row: row, of: rows, column: $0, of: columns, side: side))
        })
    }
    let values = (0..<canvas.planes.height).flatMap { y in
      (0..<canvas.planes.width).map { canvas.planes[2, y, $0] }
    }
    #expect(values.allSatisfy { abs($0 - 0.7) < 2e-3 })
  }

  @Test func weightsAddUp() throws {
    let axis = TileAxis(length: 30, tile: 8, overlap: 0.25)
    var sums = [Double](repeating: 0, count: 30 * 4)
    for i in axis.starts.indices {
      let tile = ScalePreview.Tile(row: 0, of: axis, column: i, of: axis, side: 4)
      for (x, weight) in zip(tile.columns, tile.weights.columns) { sums[x] += weight }
    }
    #expect(sums.allSatisfy { abs($0 - 1) < 1e-9 })
  }
}
