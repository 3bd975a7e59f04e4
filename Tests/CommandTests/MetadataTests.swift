import Foundation
import Imaging
import TestSupport
import Testing

/// What a camera says of a picture, after `nsarm upscale`.
@Suite(.serialized, .ownThreads) struct MetadataTests {
  /// A JPEG file of 40x24 pixels, to be turned, with EXIF, XMP, IPTC data and 300 pixels per inch.
  private func camera(_ folder: ScratchFolder) throws -> String {
    var image = scene(40, 24)
    image.metadata.exif = Data(ExifFile.camera())
    image.metadata.xmp = Data(
      """
      <x:xmpmeta xmlns:x='adobe:ns:meta/' xmlns:tiff='http://ns.adobe.com/tiff/1.0/' \
      tiff:Orientation='6'></x:xmpmeta>
      """.utf8)
    image.metadata.iptc = Data([0x1c, 2, 25, 0, 3] + Array("bee".utf8))
    image.metadata.density = PixelDensity(horizontal: 300, vertical: 300)
    try image.write(to: folder("a.jpg"))
    // The writer sets the orientation to upright: turn the tag in the file back to 6.
    var bytes = try Data(contentsOf: URL(fileURLWithPath: folder("a.jpg")))
    let tag = Data([0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01, 0x00])
    bytes[try #require(bytes.range(of: tag)).upperBound] = 6
    return try folder.write("a.jpg", bytes)
  }

  @Test(arguments: ["jpg", "png", "tif", "jxl"])
  func metadataAreTrueOfTheNewPicture(_ suffix: String) throws {
    let folder = try ScratchFolder()
    let input = try camera(folder)
    let result = try Command.upscale(input, "-o", folder("b.\(suffix)"))
    #expect(result.status == 0, "\(result.errors)")
    let output = try ImageFile.open(folder("b.\(suffix)"))
    #expect((output.width, output.height) == (96, 160))
    let metadata = output.metadata
    #expect(metadata.density == PixelDensity(horizontal: 300, vertical: 300))
    #expect(metadata.xmp.map { String(decoding: $0, as: UTF8.self) }?.contains("\"1\"") == true)
    var block = [UInt8](try #require(metadata.exif))
    if block.starts(with: Array("Exif\0\0".utf8)) { block.removeFirst(6) }
    let exif = ExifFile(block)
    #expect(exif.text("0/10f") == "Camera maker" && exif.tags["1/201"] == nil)
    #expect([nil, [1]].contains(exif.numbers("0/112")))
    if suffix != "tif" {
      #expect(exif.numbers("exif/a002") == [96] && exif.numbers("exif/a003") == [160])
    }
    #expect((metadata.iptc != nil) == (suffix == "jpg" || suffix == "tif"))
  }

  private static func has(_ program: String) -> Bool {
    FileManager.default.isExecutableFile(atPath: "/usr/bin/\(program)")
  }

  /// Read by a program that knows nothing of ours.
  @Test(
    .enabled(if: has("exiftool"), "exiftool is not installed"), arguments: ["jpg", "png", "tif"])
  func exifToolReadsThem(_ suffix: String) throws {
    let folder = try ScratchFolder()
    let result = try Command.upscale(try camera(folder), "-o", folder("b.\(suffix)"))
    #expect(result.status == 0, "\(result.errors)")
    let read = try Command.run(
      ["-json", "-n", folder("b.\(suffix)")],
      program: "/usr/bin/exiftool")
    let objects = try JSONSerialization.jsonObject(with: Data(read.output.utf8)) as? [[String: Any]]
    let tags = try #require(objects?.first, "\(read)")
    #expect(tags["Make"] as? String == "Camera maker" && tags["XResolution"] as? Int == 300)
    #expect([nil, 1].contains(tags["Orientation"] as? Int) && tags["Error"] == nil, "\(tags)")
    #expect(tags["ImageWidth"] as? Int == 96 && tags["ImageHeight"] as? Int == 160)
    if suffix != "png" { #expect(tags["Keywords"] as? String == "bee", "\(tags)") }
  }

  @Test(.enabled(if: has("djpeg"), "djpeg is not installed"))
  func djpegFindsNothingAmiss() throws {
    let folder = try ScratchFolder()
    #expect(try Command.upscale(try camera(folder), "-o", folder("b.jpg")).status == 0)
    let decoded = try Command.run(
      ["-pnm", "-outfile", folder("b.ppm"), folder("b.jpg")], program: "/usr/bin/djpeg")
    #expect(decoded.status == 0 && decoded.errors == "", "\(decoded)")
    let difference = zip(
      try ImageFile.read(folder("b.ppm")).planes().values,
      try ImageFile.read(folder("b.jpg")).planes().values
    ).map { abs($0 - $1) }.max()
    #expect(difference! <= 2.0 / 255)
  }
}
