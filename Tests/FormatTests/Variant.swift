import Foundation
import Imaging
import TestSupport
import Testing

/// One kind of input: a file, and what a larger picture of it has to look like and to hold.
struct Variant: Sendable, CustomTestStringConvertible {
  /// "PNG".
  let format: String
  /// What is special about it. Those of one name share a row of the table.
  let name: String
  let fileExtension: String
  /// The picture as it is to be read, upright: grey or RGB, with or without alpha, in 0...1.
  let picture: Planes
  /// What its components mean.
  let model: ColorModel
  var depth = 8
  /// Whether the file's samples are not exactly the picture's.
  var isLossy = false
  /// Whether its samples are turned when they are read.
  var isTurned = false
  var data: [Datum] = []
  /// Why the programs of `scripts/test-formats` show the input otherwise.
  var unshown: String?
  let make: @Sendable () throws -> [UInt8]

  init(
    _ format: String, _ name: String, _ fileExtension: String, _ picture: Planes = Chart.rgb,
    _ model: ColorModel = .sRGB, depth: Int = 8, isLossy: Bool = false, isTurned: Bool = false,
    data: [Datum] = [], make: @escaping @Sendable () throws -> [UInt8]
  ) {
    (self.format, self.name, self.fileExtension) = (format, name, fileExtension)
    (self.picture, self.model, self.depth) = (picture, model, depth)
    (self.isLossy, self.isTurned, self.data, self.make) = (isLossy, isTurned, data, make)
  }

  /// A file of the folder Fixtures.
  init(
    _ format: String, _ name: String, fixture: String, _ picture: Planes = Chart.rgb,
    _ model: ColorModel = .sRGB, depth: Int = 8, isLossy: Bool = false, isTurned: Bool = false,
    data: [Datum] = []
  ) {
    self.init(
      format, name, (fixture as NSString).pathExtension, picture, model, depth: depth,
      isLossy: isLossy, isTurned: isTurned, data: data
    ) { try Self.fixture(fixture) }
  }

  static func fixture(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: folder.appendingPathComponent("Fixtures/\(name)")))
  }

  /// A picture as the library writes it.
  static func encoded(
    _ picture: Planes, _ format: ImageFormat, depth: Int = 8, lossless: Bool = false,
    _ metadata: ImageMetadata = ImageMetadata()
  ) throws -> [UInt8] {
    let folder = try ScratchFolder()
    try Image(picture, bitDepth: depth, metadata: metadata).write(
      to: folder("a"), format: format,
      options: EncodingOptions(quality: 96, effort: 2, lossless: lossless))
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("a"))))
  }

  /// The same, of which other programs make something else.
  func unshown(_ reason: String) -> Variant {
    var variant = self
    variant.unshown = reason
    return variant
  }

  var testDescription: String { "\(format), \(name)" }

  static let all: [Variant] =
    jpeg + png + apng + webp + tiff + tiffWithMetadata + avif + heic + jxl + jpeg2000 + gif + bmp
    + pnm
}
