import Foundation
import Imaging
import TestSupport
import Testing

/// Metadata of a camera and an editor, written in every format and read back.
@Suite struct MetadataTests {
  private static let iptc: [UInt8] =
    [0x1c, 1, 90, 0, 3, 0x1b, 0x25, 0x47] + [0x1c, 2, 25, 0, 3] + Array("bee".utf8)
    + [0x1c, 2, 120, 0, 9] + Array("A caption".utf8)

  private static let xmp = """
    <?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">\
    <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description \
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" \
    xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" \
    tiff:Orientation="6" exif:PixelXDimension='48' dc:format="x"><tiff:ImageLength>32\
    </tiff:ImageLength><xmp:Thumbnails><rdf:Alt>old</rdf:Alt></xmp:Thumbnails>\
    </rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>
    """

  private static func picture() -> Image {
    var picture = Image(gradient(width: 96, height: 64, channels: 3))
    picture.metadata.exif = Data(ExifFile.camera())
    picture.metadata.xmp = Data(xmp.utf8)
    picture.metadata.iptc = Data(iptc)
    picture.metadata.density = PixelDensity(horizontal: 300, vertical: 300)
    return picture
  }

  @Test(arguments: ImageFormat.allCases.filter(\.isWritable))
  func everythingIsKeptAndTrue(_ format: ImageFormat) throws {
    let folder = try ScratchFolder()
    let path = folder("a.\(format.fileExtensions[0])")
    try Self.picture().write(to: path)
    let reader = try ImageFile.open(path)
    #expect((reader.width, reader.height) == (96, 64))
    let metadata = reader.metadata
    #expect(metadata.density == PixelDensity(horizontal: 300, vertical: 300))

    var block = [UInt8](try #require(metadata.exif))
    if block.starts(with: Array("Exif\0\0".utf8)) { block.removeFirst(6) }
    let exif = ExifFile(block)
    #expect(exif.text("0/10f") == "Camera maker" && exif.text("0/13b") == "Jörg")
    #expect(exif.text("exif/9003") == "2024:05:01 10:11:12")
    #expect(exif.numbers("exif/829d").map { $0[0] * 10 == $0[1] * 28 } == true)
    #expect(exif.numbers("gps/2")?.prefix(4) == [48, 1, 12, 1])
    #expect(exif.numbers("0/11a") == [300, 1] && exif.numbers("0/128") == [2])
    // Correct for this picture: upright, its size, no old thumbnail, no location in it.
    #expect([nil, [1]].contains(exif.numbers("0/112")))
    if format != .tiff {
      #expect(exif.numbers("exif/a002") == [96] && exif.numbers("exif/a003") == [64])
    }
    #expect(exif.tags["exif/9214"] == nil && exif.tags["1/201"] == nil)
    let file = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(file.range(of: Data("THUMBNAIL".utf8)) == nil)
    // The maker's note is kept, at its offset if possible.
    #expect(exif.tags["exif/927c"]?.bytes == ExifFile.makerNote)
    if format != .tiff && format != .avif {
      let block = try #require(file.range(of: Data([0x4d, 0x4d, 0, 42, 0, 0, 0])))
      let note = try #require(file.range(of: Data(ExifFile.makerNote)))
      #expect(note.lowerBound - block.lowerBound == 1000, "\(format)")
    }

    let xmp = String(decoding: try #require(metadata.xmp), as: UTF8.self)
    #expect(xmp.contains("tiff:Orientation=\"1\"") && xmp.contains("exif:PixelXDimension=\"96\""))
    #expect(xmp.contains("<tiff:ImageLength>64</tiff:ImageLength>"))
    #expect(xmp.contains("dc:format=\"x\"") && !xmp.contains("Thumbnails"))

    let keepsIptc = format == .jpeg || format == .tiff
    #expect(metadata.iptc == (keepsIptc ? Data(Self.iptc) : nil))
    let writer = try ImageWriter(
      folder("b.\(format.fileExtensions[0])"), width: 4, height: 4, channels: 3,
      metadata: Self.picture().metadata)
    #expect(
      writer.warnings
        == (keepsIptc
          ? [] : ["\(format.name) has no place for IPTC data; they are left out"]))
  }

  /// From each format to every other.
  @Test func nothingIsLostOnTheWayThroughTwoFormats() throws {
    let folder = try ScratchFolder()
    let formats = ImageFormat.allCases.filter(\.isWritable)
    for first in formats {
      let path = folder("a.\(first.fileExtensions[0])")
      try Self.picture().write(to: path)
      let image = try ImageFile.read(path)
      for second in formats {
        let other = folder("b.\(second.fileExtensions[0])")
        try image.write(to: other, overwrite: true)
        let metadata = try ImageFile.open(other).metadata
        #expect(metadata.density == PixelDensity(horizontal: 300, vertical: 300))
        for word in ["Camera maker", "2024:05:01 10:11:12", "Maker: counts"] {
          #expect(metadata.exif?.range(of: Data(word.utf8)) != nil, "\(first) \(second) \(word)")
        }
        #expect(metadata.xmp != nil, "\(first) \(second)")
      }
    }
  }

  @Test func theDensityStandsWhereTheFormatHasIt() throws {
    let folder = try ScratchFolder()
    var picture = Image(gradient(width: 20, height: 10, channels: 3))
    picture.metadata.density = PixelDensity(horizontal: 300, vertical: 150)
    func bytes(_ name: String) throws -> [UInt8] {
      try picture.write(to: folder(name))
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder(name))))
    }
    // JFIF: unit inches, then both numbers.
    let jpeg = try bytes("a.jpg")
    #expect(
      Array(jpeg[2..<18]) == [0xff, 0xe0, 0, 16] + Array("JFIF\0".utf8) + [1, 2, 1, 1, 44, 0, 150])
    // PNG: pixels per metre, before the pixels.
    let png = Data(try bytes("a.png"))
    let place = try #require(png.range(of: Data("pHYs".utf8))).upperBound
    #expect(Array(png[place..<place + 9]) == [0, 0, 0x2e, 0x23, 0, 0, 0x17, 0x12, 1])
    #expect(place < png.range(of: Data("IDAT".utf8))!.lowerBound)
    // TIFF: pixels per inch, or per centimetre.
    let tiff = ExifFile(try bytes("a.tif"))
    let unit = tiff.numbers("0/128") == [3] ? 2.54 : 1
    let x = try #require(tiff.numbers("0/11a"))
    #expect(abs(Double(x[0]) / Double(x[1]) * unit - 300) < 0.01)

    picture.metadata.density = nil
    #expect(Array(try bytes("b.jpg")[13..<18]) == [0, 0, 1, 0, 1])
    #expect(Data(try bytes("b.png")).range(of: Data("pHYs".utf8)) == nil)
    #expect(ExifFile(try bytes("b.tif")).numbers("0/128") == [1])
  }

  /// Photoshop's resources around IPTC data, as libvips reports them for a JPEG file.
  @Test func iptcIsTakenOutOfPhotoshopsResources() throws {
    let folder = try ScratchFolder()
    var picture = Self.picture()
    let resource = { (number: [UInt8], contents: [UInt8]) -> [UInt8] in
      Array("8BIM".utf8) + number + [0, 0, 0, 0, 0, UInt8(contents.count)] + contents
        + (contents.count % 2 == 1 ? [0] : [])
    }
    picture.metadata.iptc = Data(
      Array("Photoshop 3.0\0".utf8) + resource([0x04, 0x25], [1, 2, 3])
        + resource([0x04, 0x04], Self.iptc))
    for name in ["a.jpg", "a.tif"] {
      try picture.write(to: folder(name))
      #expect(try ImageFile.open(folder(name)).metadata.iptc == Data(Self.iptc), "\(name)")
    }
  }

  @Test func damagedAndOversizedBlocksAreLeftOutAndSaid() throws {
    let folder = try ScratchFolder()
    func warnings(_ name: String, _ metadata: ImageMetadata) throws -> [String] {
      let writer = try ImageWriter(
        folder(name), width: 4, height: 4, channels: 3, metadata: metadata)
      try writer.write(gradient(width: 4, height: 4, channels: 3))
      try writer.finish()
      #expect(try ImageFile.open(folder(name)).metadata.xmp == nil)
      return writer.warnings
    }
    #expect(
      try warnings("a.png", ImageMetadata(exif: Data([1, 2, 3])))
        == ["the EXIF data are damaged and left out"])
    #expect(
      try warnings("a.jpg", ImageMetadata(xmp: Data(repeating: 32, count: 70_000)))
        == ["the XMP data are damaged and left out"])
    // Cycles, and offsets outside of the block.
    var circle = ExifFile.camera()
    circle.replaceSubrange(200..<204, with: [0xff, 0xff, 0x87, 0x69])
    for place in stride(from: 8, to: 140, by: 1) {
      var block = circle
      block[place] ^= 0xff
      let path = folder("c.jpg")
      var picture = Self.picture()
      picture.metadata.exif = Data(block)
      try picture.write(to: path, overwrite: true)
      #expect(try ImageFile.open(path).width == 96)
    }
  }
}
