import Foundation
import Imaging
import TestSupport
import Testing

/// Statements of containers in places that libvips ignores.
@Suite struct FileContentsTests {
  private let picture = Image(gradient(width: 24, height: 16, channels: 3))

  /// The picture as PNG with chunks before or after the pixels.
  private func png(
    _ folder: ScratchFolder, _ chunks: [(String, [UInt8])], late: Bool = false,
    _ picture: Image? = nil
  ) throws -> String {
    let path = folder("a.png")
    try (picture ?? self.picture).write(to: path, overwrite: true)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let mark = Data((late ? "IEND" : "IDAT").utf8)
    let place = try #require(Data(bytes).range(of: mark)).lowerBound - 4
    bytes.insert(contentsOf: chunks.flatMap { pngChunk($0.0, $0.1) }, at: place)
    return try folder.write("a.png", Data(bytes))
  }

  private func be32(_ values: Int...) -> [UInt8] {
    values.flatMap { value in [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }
  }

  // MARK: Colours

  /// gAMA and cHRM become a profile, which every format has; sRGB's own numbers are redundant.
  @Test func gammaAndPrimariesBecomeAProfile() throws {
    let folder = try ScratchFolder()
    let p3 = be32(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    for chunks in [[("gAMA", be32(100_000))], [("gAMA", be32(45455)), ("cHRM", p3)]] {
      let image = try ImageFile.read(png(folder, chunks))
      let profile = try #require(image.metadata.iccProfile)
      for format in ImageFormat.allCases where format.isWritable {
        let path = folder("b.\(format.fileExtensions[0])")
        try image.write(to: path, overwrite: true)
        let kept = try ImageFile.open(path).metadata.iccProfile
        if format == .jxl { #expect(kept != nil) } else { #expect(kept == profile, "\(format)") }
      }
    }
    let usual = be32(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    for chunks in [
      [("gAMA", be32(45455))], [("gAMA", be32(45455)), ("cHRM", usual)], [("sRGB", [0])],
      [("sRGB", [0]), ("gAMA", be32(100_000))], [("gAMA", be32(0))], [("cHRM", [1, 2])],
    ] {
      #expect(try ImageFile.open(png(folder, chunks)).metadata.iccProfile == nil, "\(chunks)")
    }
  }

  /// Code points are kept in PNG and AVIF, and become a profile elsewhere; in PNG they take
  /// precedence over gamma and a profile.
  @Test(arguments: [CodePoints(primaries: 12, transfer: 13), .init(primaries: 9, transfer: 16)])
  func codePointsAreKept(_ points: CodePoints) throws {
    let folder = try ScratchFolder()
    let chunks = [("cICP", [points.primaries, points.transfer, 0, 1]), ("gAMA", be32(100_000))]
    let image = try ImageFile.read(png(folder, chunks))
    #expect(image.metadata.codePoints == points && image.metadata.iccProfile == nil)
    for format in ImageFormat.allCases where format.isWritable {
      let path = folder("b.\(format.fileExtensions[0])")
      let output = try PictureOutput(
        path, width: 24, height: 16, channels: 3, metadata: image.metadata)
      try image.write(to: path, overwrite: true)
      let kept = try ImageFile.open(path).metadata
      let isStored = format == .png || format == .avif
      #expect((kept.codePoints == points) == isStored, "\(format)")
      #expect(isStored || kept.iccProfile != nil, "\(format)")
      let isCut = points.transfer == 16 && !isStored
      #expect(output.warnings.contains { $0.contains("PQ") } == isCut, "\(format)")
    }
  }

  @Test func codePointsOfSRGBSayNothing() throws {
    let folder = try ScratchFolder()
    for points: [UInt8] in [[1, 13, 0, 1], [2, 2, 0, 1], [1, 2, 0, 1]] {
      #expect(try ImageFile.open(png(folder, [("cICP", points)])).metadata.codePoints == nil)
    }
  }

  /// Profiles with non-conforming headers, which other programs reject or drop.
  @Test func oddProfilesAreMended() throws {
    let folder = try ScratchFolder()
    let profile = [UInt8](try #require(rgbProfile()))
    func odd(_ change: (inout [UInt8]) -> Void) -> Data {
      var bytes = profile
      change(&bytes)
      return Data(bytes)
    }
    let kinds = [
      odd { $0[70] = 0xf7 }, odd { $0 += [0, 0, 0, 0, 0, 0, 0] }, odd { $0[65] = 1 },
      odd { $0[139] += 1 },
    ]
    for kind in kinds {
      for format in ImageFormat.allCases where format.isWritable {
        var picture = picture
        picture.metadata.iccProfile = kind
        let path = folder("p.\(format.fileExtensions[0])")
        try picture.write(to: path, overwrite: true)
        let kept = try #require(try ImageFile.open(path).metadata.iccProfile, "\(format)")
        #expect(kept != kind, "\(format)")
      }
    }
    // Without a curve, without a primary, truncated: libjxl must not see them.
    for bad in [odd { $0[217] ^= 1 }, odd { $0[169] ^= 1 }, Data(profile.prefix(160))] {
      for name in ["x.png", "x.jxl"] {
        let output = try PictureOutput(
          folder(name), width: 4, height: 4, channels: 3, metadata: ImageMetadata(iccProfile: bad))
        #expect(output.warnings == ["the ICC profile is damaged and left out"])
      }
    }
  }

  /// A grey profile stays with grey samples; WebP, which has none, gets converted ones.
  @Test func greyProfiles() throws {
    let folder = try ScratchFolder()
    var grey = Image(FloatImage(width: 16, height: 16, channels: 1, repeating: 128 / 255))
    let chunk = [("gAMA", be32(100_000))]
    let profile = try #require(try ImageFile.read(png(folder, chunk, grey)).metadata.iccProfile)
    grey.metadata.iccProfile = profile
    for format in ImageFormat.allCases where format.isWritable {
      let path = folder("g.\(format.fileExtensions[0])")
      try grey.write(to: path, options: EncodingOptions(quality: 100))
      let read = try ImageFile.read(path)
      if format == .webp {
        // Half of the light is 188 in sRGB.
        #expect(read.metadata.iccProfile == nil && read.channels == 3)
        #expect(read.bytes.allSatisfy { abs(Int($0) - 188) <= 1 })
      } else {
        #expect(read.channels == 1 && read.metadata.iccProfile != nil, "\(format)")
        #expect(read.bytes.allSatisfy { abs(Int($0) - 128) <= 1 }, "\(format)")
      }
    }
  }

  // MARK: Metadata

  @Test(arguments: [false, true]) func metadataBehindThePixelsCount(isLate: Bool) throws {
    let folder = try ScratchFolder()
    let exif: [UInt8] =
      Array("MM".utf8) + [
        0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
      ]
    let xmp = Array("XML:com.adobe.xmp\0\0\0\0\0<a:b xmlns:a=\"x\"/>".utf8)
    let reader = try ImageFile.open(png(folder, [("eXIf", exif), ("iTXt", xmp)], late: isLate))
    #expect((reader.width, reader.height) == (16, 24))
    #expect(reader.metadata.exif == Data(exif) && reader.metadata.xmp?.count == 18)
    // The first row was the first column, bottom-up.
    #expect(try reader.image().bytes[0..<3] == picture.bytes[(15 * 24 * 3)..<(15 * 24 * 3 + 3)])
    // In ImageMagick's older encoding.
    let digits = (Array("Exif\0\0".utf8) + exif).map { String(format: "%02x", $0) }.joined()
    let raw = Array("Raw profile type exif\0\nexif\n      \(exif.count + 6)\n\(digits)\n".utf8)
    let other = try ImageFile.open(png(folder, [("tEXt", raw)], late: isLate))
    #expect((other.width, other.height) == (16, 24) && other.metadata.texts.isEmpty)
  }

  @Test func textsAndComments() throws {
    let folder = try ScratchFolder()
    let chunks = [
      ("tEXt", Array("parameters\0a bee".utf8)), ("tEXt", Array("Comment\0".utf8) + [0xe9]),
      ("iTXt", Array("Title\0\0\0de\0Titel\0Größe ✓".utf8)),
    ]
    let image = try ImageFile.read(png(folder, chunks))
    let texts = [("parameters", "a bee"), ("Comment", "é"), ("Title", "Größe ✓")].map {
      PictureText(keyword: $0.0, text: $0.1)
    }
    #expect(image.metadata.texts == texts)
    try image.write(to: folder("b.png"))
    #expect(try ImageFile.open(folder("b.png")).metadata.texts == texts)
    try image.write(to: folder("b.jpg"))
    #expect(try ImageFile.open(folder("b.jpg")).metadata.texts == [texts[1]])
    for (name, lost) in [
      ("c.jpg", #""Title", "parameters""#), ("c.webp", #""Comment", "Title", "parameters""#),
    ] {
      let output = try PictureOutput(
        folder(name), width: 24, height: 16, channels: 3, metadata: image.metadata)
      #expect(output.warnings.contains { $0.contains("texts \(lost);") }, "\(output.warnings)")
    }
    let damaged = try ImageFile.open(png(folder, [("zTXt", Array("a\0\0xyz".utf8))]))
    #expect(damaged.warnings == ["a damaged text is left out"])
  }

  /// Numbers without a unit are not a density but the aspect ratio of a pixel.
  @Test func densitiesWithoutAUnit() throws {
    let folder = try ScratchFolder()
    #expect(try ImageFile.open(png(folder, [("pHYs", be32(1, 1) + [0])])).metadata.density == nil)
    let image = try ImageFile.read(png(folder, [("pHYs", be32(2, 1) + [0])]))
    let density = try #require(image.metadata.density)
    #expect(density.isRatio && density.horizontal == 2 && density.vertical == 1)
    for format in ImageFormat.allCases where format.isWritable {
      let path = folder("d.\(format.fileExtensions[0])")
      try image.write(to: path)
      #expect(try ImageFile.open(path).metadata.density == density, "\(format)")
      var plain = picture
      plain.metadata.density = nil
      try plain.write(to: path, overwrite: true)
      #expect(try ImageFile.open(path).metadata.density == nil, "\(format)")
    }
  }

  /// Frames are counted, whatever the file claims.
  @Test func framesThatAreNotThere() throws {
    let folder = try ScratchFolder()
    let reader = try ImageFile.open(png(folder, [("acTL", be32(1_000_000, 0))]))
    #expect(reader.pageCount == 1 && reader.warnings == [])
  }

  @Test func whatIsNotKnownIsSaid() throws {
    let folder = try ScratchFolder()
    let reader = try ImageFile.open(png(folder, [("caBX", [1]), ("teSt", [2])]))
    #expect(
      reader.warnings == [
        "content credentials (C2PA) are about the original picture and are left out",
        #"the chunk "teSt" is left out"#,
      ])
  }
}

/// A PNG chunk.
func pngChunk(_ type: String, _ contents: [UInt8]) -> [UInt8] {
  func be32(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }
  let body = Array(type.utf8) + contents
  let sum = ~body.reduce(UInt32.max) { sum, byte in
    (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in
      value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1
    }
  }
  return be32(UInt32(contents.count)) + body + be32(sum)
}
