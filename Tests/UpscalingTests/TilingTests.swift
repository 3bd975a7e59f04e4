import Foundation
import Imaging
import ModelTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution
@testable import Upscaling

/// What tiles leave no trace of: their places, their order, how many go together.
@Suite(.ownThreads) struct TilingTests {
  static let shipped = try? ModelLocator.find(
    ModelLocator.defaultName, environment: [:], roots: [Self.root])
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  /// The middle of a sample photo, shrunk.
  static func photo() throws -> FloatImage {
    let image = try ImageFile.read(root + "/Samples/foliage-seeding-dandelion.jpg")
    let side = min(image.width, image.height)
    return image.cropped(
      to: PixelRect(
        x: (image.width - side) / 2, y: (image.height - side) / 2, width: side, height: side)
    ).planes().resized(toWidth: 180, height: 180, .area)
  }

  @Test func seamsOfTheTinyModel() throws {
    let model = try TinyModel.make()
    try check(model, seams: ratios(model))
  }

  @Test(.enabled(if: TilingTests.shipped != nil, "no Models/nano beside the sources"))
  func seamsOfTheShippedModel() throws {
    let model = try ModelFolder(Self.shipped!).load()
    try check(model, seams: ratios(model))
  }

  /// Whatever the processor multiplies fast.
  static let precisions: [Precision] =
    [.float32, .int8] + (Processor.current.multipliesBFloat16 ? [.bfloat16] : [])

  /// A row's product does not depend on the other rows, nor a sample's convolution on the other
  /// samples, so that the picture is the same, bit by bit.
  @Test(
    .enabled(if: TilingTests.shipped != nil, "no Models/nano beside the sources"),
    arguments: precisions)
  func orderAndBatchOfTheShippedModel(_ precision: Precision) throws {
    let folder = try ModelFolder(Self.shipped!)
    let resolver = try SuperResolver(try folder.load(folder.policy(precision)))
    let planes = try Self.photo().cropped(to: PixelRect(x: 20, y: 10, width: 140, height: 100))
    let input = planes.tensor.signed
    var options = SuperResolver.Options()
    let expected = try resolver.upscaled(input, options)
    func check() throws {
      let differences = (try resolver.upscaled(input, options) - expected).abs()
      #expect(differences.max().item == 0, "\(precision), tiles \(options.batch) at a time")
    }
    options.order = [4, 1, 5, 0, 3, 2]
    options.batch = 2
    try check()
    options.order = nil
    options.batch = 1
    try check()
  }

  private func check(_ model: Model, seams: [Double]) throws {
    print("\(model.configuration.name): differences across seams over those elsewhere: \(seams)")
    for ratio in seams { #expect(ratio < 1.1) }
  }

  /// Mean difference of neighbours across the borders of tiles, over that at the same places of the
  /// photo where the tiles lie elsewhere: across columns, across rows. The photo is restored twice,
  /// once without its first `shift` pixels, which moves all tiles.
  private func ratios(_ model: Model) throws -> [Double] {
    let resolver = try SuperResolver(model)
    let (shift, side) = (20, 160)
    let photo = try Self.photo()
    let outputs = try [0, shift].map { start in
      let piece = photo.cropped(to: PixelRect(x: start, y: start, width: side, height: side))
      return try resolver.upscaled(piece.tensor.signed)
    }
    let c = model.configuration
    let layout = try TileLayout(c, width: side, height: side, overlap: 0.25)
    let token = c.patch * c.tokenizer.downsampling  // output pixels
    let moved = shift * c.scale
    var borders: Set<Int> = []
    for start in layout.rows.starts {
      borders.formUnion([start * token, (start + layout.rows.tile) * token])
    }
    return [2, 1].map { axis in
      var (seam, elsewhere) = (0.0, 0.0)
      for (one, other) in [(0, 1), (1, 0)] {
        for border in borders {
          let twin = one == 0 ? border - moved : border + moved
          guard border > 0, border < side * c.scale, twin > 0, twin < side * c.scale,
            !borders.contains(twin)
          else { continue }
          seam += difference(outputs[one], axis, border, skip: one == 0 ? moved : 0, moved)
          elsewhere += difference(outputs[other], axis, twin, skip: other == 0 ? moved : 0, moved)
        }
      }
      #expect(elsewhere > 0)
      return seam / elsewhere
    }
  }

  /// Mean difference across `border`, along what both pictures show of the photo.
  private func difference(_ picture: Tensor, _ axis: Int, _ border: Int, skip: Int, _ moved: Int)
    -> Double
  {
    let along = 3 - axis
    let shown = picture.narrowed(along, from: skip, count: picture.size(along) - moved)
    let after = shown.narrowed(axis, from: border, count: 1)
    return (after - shown.narrowed(axis, from: border - 1, count: 1)).abs().mean().item
  }
}
