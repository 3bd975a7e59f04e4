import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct ReductionTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func reduced(
    _ path: String, _ options: ReadOptions = .init(), side: Int = 16383, pixels: Int = .max
  ) throws -> Image {
    let output = folder("reduced.webp")
    let size = try ImageFile.reduce(
      path, options, to: output, ReductionBounds(side: side, pixels: pixels), quality: 90)
    let image = try ImageFile.read(output)
    #expect(image.width == size.width && image.height == size.height)
    return image
  }

  /// The mean distance of two pictures' samples, in levels of 255.
  private func distance(_ a: FloatImage, _ b: FloatImage) -> Float {
    zip(a.values, b.values).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(a.values.count) * 255
  }

  @Test(arguments: ["a.png", "a.tif", "a.jpg", "a.webp", "a.avif", "a.jxl"])
  func boundsHold(_ name: String) throws {
    let planes = gradient(width: 300, height: 200, channels: 3)
    try folder.write(Image(planes), name)
    #expect(try reduced(folder(name)).width == 300)
    let half = try reduced(folder(name), side: 150)
    #expect(half.width == 150 && half.height == 100)
    let expected = planes.resized(toWidth: 150, height: 100, .bicubic)
    #expect(distance(half.planes(), expected) < 4, "\(name)")
    let few = try reduced(folder(name), pixels: 6000)
    #expect(few.width * few.height <= 6000 && few.width * few.height > 5600)
    let tiny = try reduced(folder(name), side: 20)
    #expect(tiny.width == 20 && tiny.height == 13)
    #expect(
      distance(tiny.planes(), planes.resized(toWidth: 20, height: 13, .bicubic)) < 5, "\(name)")
  }

  @Test(arguments: ["a.png", "a.tif", "a.webp"]) func alphaStays(_ name: String) throws {
    // A half transparent red disc, with other colours under an alpha of 0.
    var planes = FloatImage(width: 64, height: 64, channels: 4)
    for y in 0..<64 {
      for x in 0..<64 {
        let isInside = x < 32
        planes[0, y, x] = isInside ? 1 : 0
        planes[1, y, x] = isInside ? 0 : 1
        planes[3, y, x] = isInside ? 1 : 0
      }
    }
    try Image(planes).write(to: folder(name), options: EncodingOptions(lossless: true))
    let image = try reduced(folder(name), side: 32)
    #expect(image.channels == 4)
    let small = image.planes()
    // The transparent green has not spread into the red.
    #expect(small[3, 16, 4] > 0.98 && small[3, 16, 28] < 0.02)
    #expect(small[0, 16, 14] > 0.9 && small[1, 16, 14] < 0.1, "\(small[1, 16, 14])")
  }

  @Test func sixteenBitsAndGreyAreShown() throws {
    for channels in 1...4 {
      var planes = gradient(width: 60, height: 40, channels: channels)
      if channels % 2 == 0 {
        for i in 0..<2400 { planes[channels - 1, i / 60, i % 60] = i % 60 < 30 ? 1 : 0.5 }
      }
      let name = folder("\(channels).png")
      try Image(planes, bitDepth: 16).write(to: name)
      let image = try reduced(name, side: 30)
      #expect(image.bitDepth == 8 && image.channels == (channels % 2 == 0 ? 4 : 3))
      let expected = planes.resized(toWidth: 30, height: 20, .bicubic)
      let found = image.planes()
      #expect(abs(found[0, 10, 5] - expected[0, 10, 5]) < 0.03, "\(channels) channels")
      if channels % 2 == 0 {
        #expect(abs(found[3, 10, 25] - 0.5) < 0.02, "\(channels) channels: \(found[3, 10, 25])")
      }
    }
  }

  /// The orientation, and with it the part to read, is applied as by the reader.
  @Test(arguments: 1...8) func turnedPicturesAreUpright(_ orientation: Int) throws {
    let planes = gradient(width: 48, height: 32, channels: 3)
    try folder.write(Image(planes), "plain.jpg")
    let path = folder("turned.jpg")
    try insertExif(
      exifBlock(orientation: UInt16(orientation), make: "m"), into: folder("plain.jpg"), as: path)
    let upright = try ImageFile.read(path)
    #expect((upright.width > upright.height) == (orientation < 5))
    let found = try reduced(path)
    #expect(found.width == upright.width && found.height == upright.height)
    #expect(distance(found.planes(), upright.planes()) < 4, "\(orientation)")

    var options = ReadOptions()
    options.part = PixelRect(x: 3, y: 5, width: 20, height: 12)
    let part = try reduced(path, options)
    #expect(part.width == 20 && part.height == 12)
    #expect(distance(part.planes(), try ImageFile.read(path, options: options).planes()) < 5)
  }

  /// Colours with a profile and with code points become sRGB.
  @Test(arguments: ["p3.avif", "profile.jxl", "cmyk.jpg", "grey.avif", "pages.heic", "turned.heic"])
  func othersFilesAreShown(_ name: String) throws {
    let path = Fixture.packageRoot.appendingPathComponent("Tests/FormatTests/Fixtures/\(name)").path
    let image = try reduced(path, side: 32)
    #expect(max(image.width, image.height) <= 32 && image.metadata.iccProfile == nil)
  }

  @Test func aPartIsReadAsIfItWereAll() throws {
    let planes = gradient(width: 60, height: 40, channels: 3)
    try folder.write(Image(planes), "a.png")
    var options = ReadOptions()
    options.part = PixelRect(x: 10, y: 5, width: 20, height: 30)
    let reader = try ImageFile.open(folder("a.png"), options: options)
    #expect(reader.width == 20 && reader.height == 30)
    let whole = try ImageFile.read(folder("a.png")).planes()
    #expect(try reader.image().planes() == whole.cropped(to: options.part!))
    // Beyond the part its edge is repeated, not the surrounding pixels.
    let beyond = try reader.planes(PixelRect(x: -2, y: 0, width: 4, height: 1))
    #expect(beyond[0, 0, 0] == whole[0, 5, 10] && beyond[0, 0, 3] == whole[0, 5, 11])
    options.part = PixelRect(x: 50, y: 0, width: 11, height: 1)
    #expect(throws: ImagingError.self) { try ImageFile.open(folder("a.png"), options: options) }
  }

  @Test func damageIsToldAndLeavesNothing() throws {
    try folder.write(Image(noise(width: 200, height: 200, channels: 3)), "a.png")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder("a.png")))
    let cut = try folder.write("cut.png", bytes.prefix(bytes.count / 2))
    #expect(throws: ImagingError.self) { try reduced(cut) }
  }
}
