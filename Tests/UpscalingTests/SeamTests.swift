import Foundation
import Imaging
import ModelTestSupport
import NSARM
import Testing
import Torch

@testable import Upscaling

/// Neighbouring pixels differ no more across the borders of tiles than elsewhere.
@Suite(.serialized) struct SeamTests {
  static let shipped = try? ModelLocator.find(
    ModelLocator.defaultName, environment: [:], roots: [Self.root])
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  /// The middle of a sample photo, shrunk: five tiles a side.
  static func photo() throws -> Planes {
    let image = try ImageFile.read(root + "/Samples/foliage-seeding-dandelion.jpg")
    let side = min(image.width, image.height)
    return image.cropped(
      to: PixelRect(
        x: (image.width - side) / 2, y: (image.height - side) / 2, width: side, height: side)
    ).planes().resized(toWidth: 256, height: 256, .area)
  }

  @Test func tinyModel() throws {
    let model = try TinyModel.make()
    try check(model, seams: ratios(model))
  }

  @Test(.enabled(if: SeamTests.shipped != nil, "no Models/nano beside the sources"))
  func shippedModel() throws {
    let model = try ModelFolder(Self.shipped!).load(precision: .bfloat16)
    try check(model, seams: ratios(model))
  }

  private func check(_ model: Model, seams: [Double]) throws {
    print("\(model.configuration.name): differences across seams over those elsewhere: \(seams)")
    for ratio in seams { #expect(ratio < 1.1) }
  }

  /// How much more neighbours differ across the borders of tiles than across the other borders of tokens,
  /// each border measured against the lines around it, so that what the photo shows there cancels out:
  /// across columns, across rows.
  private func ratios(_ model: Model) throws -> [Double] {
    let planes = try Self.photo()
    let resolver = try SuperResolver(model)
    let input = Tensor(planes.values, shape: [3, planes.height, planes.width]) * 2 - 1
    let output = try resolver.upscaled(input)
    let c = model.configuration
    let last = c.schedule.last!.width
    let token = c.patch * c.tokenizer.downsampling  // output pixels
    let stride = Int((Double(last) * 0.75).rounded())
    let tokens = output.size(1) / token
    var borders: Set<Int> = []
    for start in Swift.stride(from: 0, to: tokens, by: stride) {
      let start = min(start, tokens - last)
      borders.formUnion([start, start + last].filter { $0 > 0 && $0 < tokens })
    }
    #expect(borders.count >= 2)
    return [2, 1].map { axis in
      // Mean difference of each line of pixels from the line before it.
      let length = output.size(axis)
      let lines = (output.narrowed(axis, from: 1, count: length - 1)
        - output.narrowed(axis, from: 0, count: length - 1)).abs().mean([0, 3 - axis])
        .values(Double.self)
      let differences = (1..<tokens).map { position in
        let line = position * token - 1
        let around = (1...8).flatMap { [lines[line - $0], lines[line + $0]] }
        return lines[line] / (around.reduce(0, +) / Double(around.count))
      }
      let pairs = differences.enumerated().map { (isSeam: borders.contains($0 + 1), value: $1) }
      let seam = pairs.filter(\.isSeam).map(\.value)
      let other = pairs.filter { !$0.isSeam }.map(\.value)
      return seam.reduce(0, +) / Double(seam.count) / (other.reduce(0, +) / Double(other.count))
    }
  }
}
