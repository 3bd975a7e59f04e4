import Imaging
import Testing

@Suite struct TileGridTests {
  /// Sizes from a single pixel to extreme shapes; tiles with and without overlap and multiples.
  static let grids: [TileGrid] = {
    var random = Generator(seed: 3)
    var grids: [TileGrid] = []
    for (w, h) in [(1, 1), (1, 500), (700, 1), (16, 16), (17, 16), (33, 31), (2000, 3), (64, 129)] {
      for (tile, overlap, multiple) in [
        (16, 4, 1), (32, 8, 8), (64, 0, 16), (64, 32, 4), (8, 7, 2),
      ] {
        grids.append(
          TileGrid(width: w, height: h, tile: tile, overlap: overlap, multiple: multiple))
      }
    }
    for _ in 0..<60 {
      let multiple = [1, 2, 8].randomElement(using: &random)!
      let tile = multiple * Int.random(in: 1...9, using: &random)
      grids.append(
        TileGrid(
          width: Int.random(in: 1...150, using: &random),
          height: Int.random(in: 1...90, using: &random),
          tile: tile, overlap: Int.random(in: 0...tile, using: &random), multiple: multiple))
    }
    return grids
  }()

  @Test(arguments: [1, 3]) func weightsArePositiveAndAddUpToOne(scale: Int) {
    for grid in Self.grids {
      let (w, h) = (grid.coveredRect.width * scale, grid.coveredRect.height * scale)
      var sums = [Float](repeating: 0, count: w * h)
      for tile in grid.tiles {
        let (x, y) = grid.weights(tile, scale: scale)
        let rect = tile.rect.scaled(by: scale)
        #expect(x.count == rect.width && y.count == rect.height)
        #expect(x.allSatisfy { $0 > 0 } && y.allSatisfy { $0 > 0 })
        for j in 0..<rect.height {
          for i in 0..<rect.width { sums[(rect.y + j) * w + rect.x + i] += x[i] * y[j] }
        }
      }
      #expect(sums.allSatisfy { abs($0 - 1) < 1e-5 }, "\(grid)")
    }
  }

  @Test func tilesAreAlignedAndOverlapEnough() {
    for (w, h, tile, overlap, multiple) in [
      (1000, 700, 256, 32, 8), (257, 256, 256, 64, 16), (5000, 40, 128, 20, 8),
      (300, 300, 300, 10, 1),
    ] {
      let grid = TileGrid(width: w, height: h, tile: tile, overlap: overlap, multiple: multiple)
      let covered = grid.coveredRect
      #expect(covered.width >= w && covered.width < w + multiple)
      #expect(covered.height >= h && covered.height < h + multiple)
      for t in grid.tiles {
        #expect(t.rect.x % multiple == 0 && t.rect.y % multiple == 0)
        #expect(t.rect.width == grid.tileWidth && grid.tileWidth <= tile)
        #expect(grid.tileWidth % multiple == 0 && grid.tileHeight % multiple == 0)
        if t.column > 0 { #expect(grid[t.index - 1].rect.right - t.rect.x >= overlap) }
      }
    }
  }

  @Test func weightsAreSmooth() {
    let grid = TileGrid(width: 400, height: 64, tile: 128, overlap: 32, multiple: 8)
    for tile in grid.tiles {
      let (x, _) = grid.weights(tile)
      for i in 1..<x.count { #expect(abs(x[i] - x[i - 1]) < 0.06) }
    }
  }

  @Test func blendingUnchangedTilesGivesThePictureBack() {
    for grid in Self.grids where grid.width * grid.height < 6000 {
      let picture = noise(width: grid.width, height: grid.height, channels: 2)
      var blender = TileBlender(grid, channels: 2)
      var rows: [[Float]] = [[], []]
      for tile in grid.tiles {
        for strip in blender.add(picture.cropped(to: tile.rect), at: tile) {
          let area = strip.width * strip.height
          for c in 0..<2 { rows[c] += strip.values[c * area..<(c + 1) * area] }
        }
      }
      #expect(blender.nextRow == grid.height)
      let out = rows[0] + rows[1]
      #expect(out.count == picture.values.count)
      #expect(zip(out, picture.values).allSatisfy { abs($0 - $1) < 1e-5 }, "\(grid)")
    }
  }

  @Test func orderWithinARowOfTilesDoesNotMatter() {
    let grid = TileGrid(width: 90, height: 40, tile: 32, overlap: 12, multiple: 4)
    let pieces = grid.tiles.map {
      noise(width: $0.rect.width, height: $0.rect.height, channels: 1, seed: UInt64($0.index))
    }
    func blend(_ tiles: [Tile]) -> [Float] {
      var blender = TileBlender(grid, channels: 1)
      return tiles.flatMap { blender.add(pieces[$0.index], at: $0) }.flatMap(\.values)
    }
    let forward = blend(grid.tiles)
    let backward = blend(grid.tiles.sorted { ($0.row, -$0.column) < ($1.row, -$1.column) })
    #expect(zip(forward, backward).allSatisfy { abs($0 - $1) < 1e-6 })
  }
}
