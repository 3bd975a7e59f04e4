import Foundation
import Imaging
import TestSupport
import Testing

/// A kind of input: a file, and the expected appearance and data of its enlargement.
struct Variant: Sendable, CustomTestStringConvertible {
  /// The format, such as "PNG".
  let format: String
  /// The special feature. Variants with the same one share a row of the table.
  let name: String
  let fileExtension: String
  /// The picture that should be read, upright: grey or RGB, with or without alpha, in 0...1.
  let picture: FloatImage
  /// The meaning of its components.
  let model: ColorModel
  var depth = 8
  /// Whether the file's samples are only approximately the picture's.
  var isLossy = false
  /// Whether reading rotates its samples.
  var isTurned = false
  var data: [Datum] = []
  /// The reason why the programs of `scripts/test-formats` display the input differently.
  var unshown: String?
  let make: @Sendable () throws -> [UInt8]

  init(
    _ format: String, _ name: String, _ fileExtension: String, _ picture: FloatImage = Chart.rgb,
    _ model: ColorModel = .sRGB, depth: Int = 8, isLossy: Bool = false, isTurned: Bool = false,
    data: [Datum] = [], make: @escaping @Sendable () throws -> [UInt8]
  ) {
    (self.format, self.name, self.fileExtension) = (format, name, fileExtension)
    (self.picture, self.model, self.depth) = (picture, model, depth)
    (self.isLossy, self.isTurned, self.data, self.make) = (isLossy, isTurned, data, make)
  }

  /// A file of the folder Fixtures.
  init(
    _ format: String, _ name: String, fixture: String, _ picture: FloatImage = Chart.rgb,
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

  /// A picture written by the library.
  static func encoded(
    _ picture: FloatImage, _ format: ImageFormat, depth: Int = 8, lossless: Bool = false,
    _ metadata: ImageMetadata = ImageMetadata()
  ) throws -> [UInt8] {
    let folder = try ScratchFolder()
    try Image(picture, bitDepth: depth, metadata: metadata).write(
      to: folder("a"), format: format,
      options: EncodingOptions(quality: 96, effort: 2, lossless: lossless))
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("a"))))
  }

  /// The same, which other programs display differently.
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
