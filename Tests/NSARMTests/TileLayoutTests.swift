import ModelTestSupport
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

@Suite struct TileLayoutTests {
  @Test(arguments: [(1, 16), (16, 16), (17, 16), (40, 16), (100, 16), (9, 8)])
  func tilesCoverAnAxisWithWeightsThatSumToOne(_ length: Int, _ tile: Int) {
    let axis = TileAxis(length: length, tile: tile, overlap: 0.25)
    var sums = [Double](repeating: 0, count: axis.length * 2)
    for i in axis.starts.indices {
      for (j, weight) in axis.weights(i, cells: 2).enumerated() {
        #expect(weight >= 0)
        sums[axis.starts[i] * 2 + j] += weight
      }
    }
    #expect(sums.allSatisfy { abs($0 - 1) < 1e-12 })
    #expect(axis.starts.last! + tile == max(length, tile))
  }

  @Test func originsAgreeAcrossScales() throws {
    let layout = try TileLayout(TinyModel.configuration, width: 200, height: 90, overlap: 0.25)
    #expect(layout.origin(1, scale: 4) == GridOffset(row: 0, column: 6))
    #expect(layout.origin(1, scale: 2) == GridOffset(row: 0, column: 3))
    #expect(layout.origin(0, scale: 2) == .zero)
    #expect(layout.pixels(1).columns == 24..<56)
  }

  @Test func picturesContinueMirrored() throws {
    let picture = LowQualityPicture(
      Tensor([1, 2, 3].flatMap { [Float]([$0, $0 + 10]) }, shape: [3, 1, 2]))
    let window = try picture.window(-1..<2, -3..<4)
    #expect(Array(window.floats.prefix(7)) == [11, 11, 1, 1, 11, 11, 1])
    #expect(window.shape == [3, 3, 7])
  }

  @Test func blendingConstantsGivesThem() throws {
    let layout = try TileLayout(TinyModel.configuration, width: 75, height: 90, overlap: 0.25)
    var blender = LatentBlender(layout, channels: 2)
    for tile in 0..<layout.count {
      blender.add(.full([2, 16, 16], 0.625), tile: tile)
      if tile == 3 { blender.discard(above: 5) }
    }
    #expect(blender.finishedRows == layout.latent.height)
    let window = blender.window(5..<layout.latent.height, 0..<layout.latent.width)
    #expect((window - 0.625).abs().max().item < 1e-8)
  }
}
