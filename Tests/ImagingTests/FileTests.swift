import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct FileTests {
  @Test(arguments: ImageFormat.allCases.filter(\.isWritable), [1, 2, 3, 4])
  func everyFormatKeepsChannelsAndDepth(format: ImageFormat, channels: Int) throws {
    let folder = try ScratchFolder()
    for depth in [8, 16] {
      if depth == 16 && !format.supports16Bit { continue }
      if !format.supportsAlpha && channels % 2 == 0 { continue }
      let path = folder("x\(depth).\(format.fileExtensions[0])")
      let picture = Image(gradient(width: 67, height: 45, channels: channels), bitDepth: depth)
      try picture.write(to: path, options: EncodingOptions(quality: 97, lossless: format == .jxl))
      let back = try ImageFile.read(path)
      #expect((back.width, back.height) == (67, 45))
      #expect(back.bitDepth == depth, "\(format) \(depth)")
      // WebP and AVIF files hold no grey: it comes back as RGB.
      let expected =
        (format == .webp || format == .avif) && channels <= 2 ? channels + 2 : channels
      #expect(back.channels == expected, "\(format) \(channels) channels")
      if format.isAlwaysLossless {
        #expect(back.samples == picture.samples)
      } else if back.channels == channels {
        let error = zip(back.planes().values, picture.planes().values).map { abs($0 - $1) }.max()!
        #expect(error < 0.1, "\(format) \(channels) channels, \(depth) bit: error \(error)")
      }
    }
    #expect(folder.entries.allSatisfy { $0.hasPrefix("x") })
  }

  @Test func regionsAreThoseOfTheWholeAlsoThroughAFile() throws {
    let folder = try ScratchFolder()
    let picture = Image(noise(width: 130, height: 70, channels: 3), bitDepth: 16)
    try picture.write(to: folder("p.png"))
    for limit in [1 << 20, 0] {
      let reader = try ImageFile.open(
        folder("p.png"), options: ReadOptions(memoryLimit: limit, scratchFolder: folder.path))
      for rect in [
        PixelRect(x: 0, y: 0, width: 1, height: 1), PixelRect(x: 100, y: 60, width: 30, height: 10),
        reader.rect, PixelRect(x: 3, y: 5, width: 64, height: 64),
      ] {
        #expect(try reader.region(rect).samples == picture.cropped(to: rect).samples)
        #expect(try reader.planes(rect) == picture.planes(rect))
      }
      let beyond = PixelRect(x: 120, y: -4, width: 20, height: 90)
      #expect(try reader.planes(beyond) == picture.planes().cropped(to: beyond))
      #expect(folder.entries == ["p.png"])
    }
  }

  @Test func bracketsInNamesAreNotOptions() throws {
    let folder = try ScratchFolder()
    let picture = Image(noise(width: 9, height: 4, channels: 3))
    for name in ["a[1].png", "b %d [Q=1].png", "ü 漢.png"] {
      try picture.write(to: folder(name))
      #expect(try ImageFile.read(folder(name)).samples == picture.samples)
    }
    #expect(folder.entries.count == 3)
  }

  @Test func unreadableFilesAreReportedInOneLine() throws {
    let folder = try ScratchFolder()
    func put(_ name: String, _ data: Data) throws -> String {
      try data.write(to: URL(fileURLWithPath: folder(name)))
      return folder(name)
    }
    func error(_ path: String) -> ImagingError? {
      do {
        _ = try ImageFile.read(path)
        return nil
      } catch {
        return error as? ImagingError
      }
    }
    #expect(error(folder("none.png")) == .missing(path: folder("none.png")))
    #expect(error(folder.path) == .notAFile(path: folder.path))
    #expect(error("/dev/null") == .notAFile(path: "/dev/null"))
    let empty = try put("empty.jpg", Data())
    #expect(error(empty) == .empty(path: empty))
    let text = try put("text.png", Data("this is not a picture, whatever its name says\n".utf8))
    guard case .notAnImage = error(text) else { Issue.record("\(error(text)!)"); return }
    let svg = try put(
      "x.svg", Data("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>".utf8))
    guard case .notAnImage = error(svg) else {
      Issue.record("\(String(describing: error(svg)))"); return
    }
    for text in [error(empty), error(text)].compactMap({ $0?.description }) {
      #expect(!text.contains("\n") && text.contains(folder.path))
    }
  }

  /// libvips keeps one error text for all threads.
  @Test func errorsOfOtherThreadsChangeNothing() throws {
    let folder = try ScratchFolder()
    try Data("not a picture\n".utf8).write(to: URL(fileURLWithPath: folder("text.png")))
    try Image(noise(width: 20, height: 20, channels: 3)).write(to: folder("whole.png"))
    try Data(contentsOf: URL(fileURLWithPath: folder("whole.png"))).prefix(400)
      .write(to: URL(fileURLWithPath: folder("damaged.png")))
    DispatchQueue.concurrentPerform(iterations: 200) { index in
      do {
        _ = try ImageFile.read(folder(index % 2 == 0 ? "text.png" : "damaged.png"))
        Issue.record("a picture was read")
      } catch ImagingError.notAnImage {
        #expect(index % 2 == 0)
      } catch ImagingError.damaged {
        #expect(index % 2 == 1)
      } catch {
        Issue.record(error)
      }
    }
  }

  @Test(arguments: ImageFormat.allCases.filter(\.isWritable))
  func truncatedFilesAreReported(format: ImageFormat) throws {
    let folder = try ScratchFolder()
    let whole = folder("whole.\(format.fileExtensions[0])")
    try Image(noise(width: 200, height: 150, channels: 3)).write(to: whole)
    let data = try Data(contentsOf: URL(fileURLWithPath: whole))
    for kept in [12, data.count / 10, data.count / 2, data.count * 9 / 10] {
      let path = folder("cut.\(format.fileExtensions[0])")
      try data.prefix(kept).write(to: URL(fileURLWithPath: path))
      #expect(throws: ImagingError.self, "\(format): \(kept) of \(data.count) bytes") {
        try ImageFile.read(path)
      }
    }
  }

  @Test func sizeLimitsHoldBeforeDecoding() throws {
    let folder = try ScratchFolder()
    let path = folder("big.png")
    try Image(Planes(width: 3000, height: 40, channels: 1)).write(to: path)
    #expect(throws: ImagingError.self) {
      try ImageFile.open(path, options: ReadOptions(maximumDimension: 2999))
    }
    #expect(throws: ImagingError.self) {
      try ImageFile.open(path, options: ReadOptions(maximumPixels: 100_000))
    }
    #expect(try ImageFile.open(path).width == 3000)
  }

  @Test(arguments: 1...8, [0, 1 << 20])
  func orientationIsApplied(orientation: Int, memoryLimit: Int) throws {
    let folder = try ScratchFolder()
    let plain = Image(gradient(width: 48, height: 32, channels: 3))
    try plain.write(to: folder("plain.jpg"))
    try insert(
      exifBlock(orientation: UInt16(orientation), make: "m"), into: folder("plain.jpg"),
      as: folder("turned.jpg"))
    let stored = try ImageFile.read(folder("plain.jpg")).planes()
    let reader = try ImageFile.open(
      folder("turned.jpg"), options: ReadOptions(memoryLimit: memoryLimit))
    let shown = try reader.planes(reader.rect)
    let turned = orientation >= 5
    #expect((shown.width, shown.height) == (turned ? 32 : 48, turned ? 48 : 32))
    for y in 0..<32 {
      for x in 0..<48 {
        // Where the stored pixel (x, y) is shown, by the EXIF standard's table.
        let (u, v) = [
          (x, y), (47 - x, y), (47 - x, 31 - y), (x, 31 - y), (y, x), (31 - y, x), (31 - y, 47 - x),
          (y, 47 - x),
        ][orientation - 1]
        for c in 0..<3 where shown[c, v, u] != stored[c, y, x] {
          Issue.record("orientation \(orientation), pixel (\(x), \(y))")
          return
        }
      }
    }
  }

  @Test func metadataIsKept() throws {
    let folder = try ScratchFolder()
    try Image(gradient(width: 48, height: 32, channels: 3)).write(to: folder("plain.jpg"))
    try insert(
      exifBlock(orientation: 6, make: "Camera maker"), into: folder("plain.jpg"),
      as: folder("turned.jpg"))
    var turned = try ImageFile.read(folder("turned.jpg"))
    let xmp = Data("<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>".utf8)
    turned.metadata.xmp = xmp
    for format in ImageFormat.allCases where format.isWritable && format.keepsExif {
      let path = folder("out.\(format.fileExtensions[0])")
      try turned.write(to: path)
      let back = try ImageFile.read(path)
      // The pixels are upright, so the orientation must not be applied again.
      #expect((back.width, back.height) == (32, 48), "\(format)")
      let found = back.metadata.exif.map { $0.range(of: Data("Camera maker".utf8)) != nil }
      #expect(found == true, "\(format) lost its EXIF")
      if format == .jpeg || format == .png { #expect(back.metadata.xmp == xmp, "\(format)") }
    }
  }

  /// Copies a JPEG file with an EXIF segment put in.
  private func insert(_ exif: [UInt8], into source: String, as target: String) throws {
    var jpeg = try Data(contentsOf: URL(fileURLWithPath: source))
    let length = exif.count + 2
    jpeg.insert(contentsOf: [0xff, 0xe1, UInt8(length >> 8), UInt8(length & 255)] + exif, at: 2)
    try jpeg.write(to: URL(fileURLWithPath: target))
  }

  /// Files made elsewhere: a CMYK JPEG of one colour, palettes of red, green, blue and black.
  @Test func otherColourSpacesBecomeRGB() throws {
    let folder = try ScratchFolder()
    func read(_ base64: String) throws -> Image {
      let data = try #require(Data(base64Encoded: base64))
      try data.write(to: URL(fileURLWithPath: folder("x")))
      return try ImageFile.read(folder("x"))
    }
    let cmyk = try read(
      """
      /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwP\
      FxgWFBgSFBUU/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAAICf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/\
      2gAOBEMATQBZAEsAAD8AsBJSFGqYAAAD/9k=
      """)
    #expect((cmyk.width, cmyk.height, cmyk.channels, cmyk.bitDepth) == (16, 16, 3, 8))
    #expect(cmyk.bytes[0] > 150 && cmyk.bytes[1] < 110 && cmyk.bytes[2] < 110)

    let palette = try read(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAYAAAAEAgMAAADQaqbQAAAADFBMVEX/AAAA/wAAAP8JCAei0mLAAAAAFElEQVR4nGNk9GdiYGBY/YGJ\
      gQEACmgB8VXteWoAAAAASUVORK5CYII=
      """)
    #expect(palette.channels == 3)
    #expect(Array(palette.bytes[0..<3]) == [255, 0, 0])
    #expect(Array(palette.bytes[(3 * 6 + 5) * 3..<(3 * 6 + 6) * 3]) == [9, 8, 7])

    let transparent = try read(
      """
      iVBORw0KGgoAAAANSUhEUgAAAAYAAAAEAgMAAADQaqbQAAAADFBMVEX/AAAA/wAAAP8JCAei0mLAAAAAAnRSTlP/AOW3MEoAAAAUSURB\
      VHicY2T0Z2JgYFj9gYmBAQAKaAHxVe15agAAAABJRU5ErkJggg==
      """)
    #expect(transparent.channels == 4)
    #expect(Array(transparent.bytes[12..<16]) == [0, 255, 0, 0])

    let gif = try read(
      """
      R0lGODdhBgAEAIEAAP8AAAD/AAAA/wkIBywAAAAABgAEAAAIFQABCAxAUCAAggEEKBzAUKEAhgMCAgA7
      """)
    #expect((gif.width, gif.height, gif.channels) == (6, 4, 3))
  }

  @Test func regionsCanBeReadFromManyThreads() throws {
    let folder = try ScratchFolder()
    let picture = Image(noise(width: 256, height: 192, channels: 3))
    try picture.write(to: folder("p.png"))
    for limit in [0, 1 << 30] {
      let reader = try ImageFile.open(folder("p.png"), options: ReadOptions(memoryLimit: limit))
      let rects = (0..<48).map {
        PixelRect(x: 28 * ($0 % 8), y: 26 * ($0 / 8), width: 32, height: 32)
      }
      let lock = NSLock()
      nonisolated(unsafe) var wrong = 0  // guarded by the lock
      DispatchQueue.concurrentPerform(iterations: rects.count) { i in
        let same =
          (try? reader.region(rects[i]).samples)
          == picture.cropped(to: rects[i]).samples
        lock.withLock { wrong += same ? 0 : 1 }
      }
      #expect(wrong == 0)
    }
  }

  @Test func profilesAreKept() throws {
    let folder = try ScratchFolder()
    var picture = Image(gradient(width: 40, height: 30, channels: 3))
    let profile = try #require(rgbProfile())
    picture.metadata.iccProfile = profile
    for format in ImageFormat.allCases where format.isWritable {
      let path = folder("p.\(format.fileExtensions[0])")
      try picture.write(to: path)
      let kept = try ImageFile.open(path).metadata.iccProfile
      // JPEG XL stores what a profile says, not its bytes.
      if format == .jxl { #expect(kept != nil) } else { #expect(kept == profile, "\(format)") }
    }
    // A profile of another colour space is not written.
    var grey = Image(gradient(width: 40, height: 30, channels: 1))
    grey.metadata.iccProfile = profile
    try grey.write(to: folder("grey.png"))
    #expect(try ImageFile.open(folder("grey.png")).metadata.iccProfile == nil)
  }
}

/// A minimal little-endian EXIF block with two tags, Make and Orientation.
func exifBlock(orientation: UInt16, make: String) -> [UInt8] {
  let text = Array(make.utf8) + [0]
  func le16(_ v: UInt16) -> [UInt8] { [UInt8(v & 255), UInt8(v >> 8)] }
  func le32(_ v: UInt32) -> [UInt8] { le16(UInt16(v & 0xffff)) + le16(UInt16(v >> 16)) }
  var block = Array("Exif".utf8) + [0, 0] + Array("II".utf8) + le16(42) + le32(8)
  block += le16(2)
  block += le16(0x010f) + le16(2) + le32(UInt32(text.count)) + le32(38)
  block += le16(0x0112) + le16(3) + le32(1) + le16(orientation) + le16(0)
  block += le32(0) + text
  return block
}

/// A matrix profile of the RGB colour space, built here: D50 white, sRGB primaries, gamma 2.2.
func rgbProfile() -> Data? {
  func be16(_ v: UInt16) -> [UInt8] { [UInt8(v >> 8), UInt8(v & 255)] }
  func be32(_ v: UInt32) -> [UInt8] { be16(UInt16(v >> 16)) + be16(UInt16(v & 0xffff)) }
  func fixed(_ v: Double) -> [UInt8] { be32(UInt32(bitPattern: Int32((v * 65536).rounded()))) }
  func xyz(_ x: Double, _ y: Double, _ z: Double) -> [UInt8] {
    Array("XYZ ".utf8) + be32(0) + fixed(x) + fixed(y) + fixed(z)
  }
  let curve = Array("curv".utf8) + be32(0) + be32(1) + be16(0x0233) + [0, 0]
  let name = Array("test".utf8) + [0]
  var text = Array("desc".utf8) + be32(0) + be32(UInt32(name.count)) + name
  text += [UInt8](repeating: 0, count: 78)
  while text.count % 4 != 0 { text.append(0) }
  let copyright = Array("text".utf8) + be32(0) + Array("none".utf8) + [0, 0, 0, 0]
  let tags: [(String, [UInt8])] = [
    ("desc", text), ("cprt", copyright), ("wtpt", xyz(0.9642, 1, 0.8249)),
    ("rXYZ", xyz(0.4361, 0.2225, 0.0139)), ("gXYZ", xyz(0.3851, 0.7169, 0.0971)),
    ("bXYZ", xyz(0.1431, 0.0606, 0.7139)), ("rTRC", curve), ("gTRC", curve), ("bTRC", curve),
  ]
  var table = be32(UInt32(tags.count))
  var body: [UInt8] = []
  let start = 128 + 4 + 12 * tags.count
  for (signature, bytes) in tags {
    table += Array(signature.utf8) + be32(UInt32(start + body.count)) + be32(UInt32(bytes.count))
    body += bytes
  }
  var header = be32(UInt32(start + body.count)) + be32(0) + be32(0x0210_0000)
  header += Array("mntrRGB XYZ ".utf8) + be16(2020) + be16(1) + be16(1) + [0, 0, 0, 0, 0, 0]
  header += Array("acsp".utf8) + [UInt8](repeating: 0, count: 28)
  header += fixed(0.9642) + fixed(1) + fixed(0.8249)
  header += [UInt8](repeating: 0, count: 128 - header.count)
  return Data(header + table + body)
}
