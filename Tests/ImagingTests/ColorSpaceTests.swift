import Foundation
import Imaging
import TestSupport
import Testing

@Suite struct ColorSpaceTests {
  /// Files made by other programs: a CMYK JPEG of one colour, palettes of red, green, blue and
  /// black.
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

  @Test func profilesAreKept() throws {
    let folder = try ScratchFolder()
    var picture = Image(gradient(width: 40, height: 30, channels: 3))
    let profile = try #require(rgbProfile())
    picture.metadata.iccProfile = profile
    for format in ImageFormat.allCases where format.isWritable {
      let path = folder("p.\(format.fileExtensions[0])")
      try picture.write(to: path)
      let kept = try ImageFile.open(path).metadata.iccProfile
      // JPEG XL stores the meaning of a profile, not its bytes.
      if format == .jxl { #expect(kept != nil) } else { #expect(kept == profile, "\(format)") }
    }
    // A profile of another colour space is not written.
    var grey = Image(gradient(width: 40, height: 30, channels: 1))
    grey.metadata.iccProfile = profile
    try grey.write(to: folder("grey.png"))
    #expect(try ImageFile.open(folder("grey.png")).metadata.iccProfile == nil)
  }
}

/// An RGB matrix profile, made here: D50 white, sRGB primaries, gamma 2.2.
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
