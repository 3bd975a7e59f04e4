import Imaging

/// Uncompressed PNG files with any chunks.
struct PngFile {
  var width = Chart.width
  var height = Chart.height
  var bits = 8
  /// 0 grey, 2 RGB, 3 a palette, 4 grey and alpha, 6 RGB and alpha.
  var kind: UInt8
  /// The stored rows, without their filter bytes.
  var rows: [[UInt8]]

  init(_ picture: FloatImage, bits: Int = 8) {
    let samples = picture.samples(bits: bits)
    let size = samples.count / picture.height
    (width, height, self.bits) = (picture.width, picture.height, bits)
    kind = [0, 4, 2, 6][picture.channels - 1]
    rows = (0..<height).map { Array(samples[$0 * size..<($0 + 1) * size]) }
  }

  /// Samples of 1, 2 or 4 bits.
  init(packed samples: [Int], bits: Int, kind: UInt8) {
    (self.bits, self.kind) = (bits, kind)
    let (width, share) = (width, 8 / bits)
    rows = (0..<height).map { y in
      stride(from: 0, to: width, by: share).map { x in
        (0..<share).reduce(UInt8(0)) { byte, i in
          byte << UInt8(bits) | (x + i < width ? UInt8(samples[y * width + x + i]) : 0)
        }
      }
    }
  }

  var data: [UInt8] { Self.stored(rows.flatMap { [0] + $0 }) }

  func file(before: [UInt8] = [], after: [UInt8] = []) -> [UInt8] {
    let header = be32(width) + be32(height) + [UInt8(bits), kind, 0, 0, 0]
    return [0x89] + Array("PNG\r\n\u{1a}\n".utf8) + Self.chunk("IHDR", header) + before
      + Self.chunk("IDAT", data) + after + Self.chunk("IEND", [])
  }

  static func chunk(_ type: String, _ contents: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + contents
    return be32(contents.count) + body + be32(Int(crc(body)))
  }

  static func text(_ type: String, _ keyword: String, _ contents: [UInt8]) -> [UInt8] {
    chunk(type, Array(keyword.utf8) + [0] + contents)
  }

  static func international(_ keyword: String, _ text: String) -> [UInt8] {
    Self.text("iTXt", keyword, [0, 0, 0, 0] + Array(text.utf8))
  }

  /// A zlib stream of uncompressed blocks.
  static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 1]
    for start in stride(from: 0, to: bytes.count, by: 60_000) {
      let block = bytes[start..<min(start + 60_000, bytes.count)]
      stream += [start + 60_000 >= bytes.count ? 1 : 0]
      stream += le16(block.count) + le16(~block.count) + block
    }
    var (a, b) = (1, 0)
    for byte in bytes {
      a = (a + Int(byte)) % 65521
      b = (b + a) % 65521
    }
    return stream + be16(b) + be16(a)
  }

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { sum, _ in sum >> 1 ^ (sum & 1 == 1 ? 0xedb8_8320 : 0) }
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { table[Int(($0 ^ UInt32($1)) & 255)] ^ $0 >> 8 }
  }
}

extension Variant {
  private static func png(
    _ name: String, _ picture: FloatImage = Chart.rgb, _ model: ColorModel = .sRGB, depth: Int = 8,
    isTurned: Bool = false, data: [Datum] = [],
    _ make: @escaping @Sendable () -> [UInt8]
  ) -> Variant {
    Variant(
      "PNG", name, "png", picture, model, depth: depth, isTurned: isTurned, data: data, make: make)
  }

  private static func profile(_ bytes: [UInt8]) -> [UInt8] {
    PngFile.text("iCCP", "profile", [0] + PngFile.stored(bytes))
  }

  private static let palette = PngFile.chunk("PLTE", Chart.palette.joined().map { UInt8($0) })

  static let png: [Variant] =
    [
      png("8 bit") { PngFile(Chart.rgb).file() },
      png("16 bit", depth: 16) { PngFile(Chart.rgb, bits: 16).file() },
      png("grey", Chart.grey) { PngFile(Chart.grey).file() },
      png("grey, 16 bit", Chart.grey, depth: 16) { PngFile(Chart.grey, bits: 16).file() },
      png("black and white, 1 bit", Chart.bilevel) {
        PngFile(packed: Chart.indices.map { $0 < 4 ? 1 : 0 }, bits: 1, kind: 0).file()
      },
      png("palette", Chart.indexed) {
        PngFile(packed: Chart.indices, bits: 4, kind: 3).file(before: palette)
      },
      png("palette with a transparent colour", Chart.cutOut) {
        PngFile(packed: Chart.indices, bits: 4, kind: 3)
          .file(before: palette + PngFile.chunk("tRNS", [255, 255, 255, 0]))
      },
      png("transparency", Chart.rgba) { PngFile(Chart.rgba).file() },
      png("transparency, 16 bit", Chart.rgba, depth: 16) { PngFile(Chart.rgba, bits: 16).file() },
      png("grey with transparency", Chart.greyAlpha) { PngFile(Chart.greyAlpha).file() },
      png("alpha that hides nothing", Chart.opaque) { PngFile(Chart.opaque).file() },
      png("Display P3", .displayP3) { profile(Profile.displayP3) },
      png("ProPhoto, 16 bit", ColorModel(profile: Profile.proPhoto)!, bits: 16) {
        profile(Profile.proPhoto)
      },
      png("grey of gamma 1", Chart.grey, .gamma(1)) {
        PngFile(Chart.grey).file(before: profile(Profile.grey(1)))
      },
      png("code points of Display P3", .displayP3) { PngFile.chunk("cICP", [12, 13, 0, 1]) },
      png(
        "code points of BT.2020 with PQ, 16 bit", Chart.dim,
        ColorModel(primaries: 9, transfer: 16)!, depth: 16, data: [.highlights]
      ) {
        PngFile(Chart.dim, bits: 16).file(before: PngFile.chunk("cICP", [9, 16, 0, 1]))
      },
      png("gamma 1, 16 bit", ColorModel(primaries: 1, transfer: 8)!, bits: 16) {
        PngFile.chunk("gAMA", be32(100_000))
      },
      png("chromaticities of Display P3", .displayP3) {
        PngFile.chunk(
          "cHRM", [31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000].flatMap(be32))
      }.unshown("Chromium does not look at them"),
    ] + pngWithMetadata

  private static func png(
    _ name: String, _ model: ColorModel, bits: Int = 8, _ before: @escaping @Sendable () -> [UInt8]
  ) -> Variant {
    png(name, Chart.rgb, model, depth: bits) {
      PngFile(Chart.rgb, bits: bits).file(before: before())
    }
  }

  private static let pngWithMetadata: [Variant] = [
    png(
      "EXIF, XMP, texts, 300 dpi",
      data: [
        .exif, .xmp, .text("A bee", keyword: "Title"), .text("Biene, 蜂", keyword: "Description"),
        .density(300, 300),
      ]
    ) {
      PngFile(Chart.rgb).file(
        before: metadata + PngFile.chunk("pHYs", be32(11811) + be32(11811) + [1]))
    },
    png(
      "the same behind the pixels, turned", isTurned: true,
      data: [
        .exif, .xmp, .text("A bee", keyword: "Title"), .text("Biene, 蜂", keyword: "Description"),
      ]
    ) {
      PngFile(Chart.rgb.stored(6)).file(after: metadata(orientation: 6))
    },
    png("raw profiles of EXIF and IPTC", data: [.exif, .iptc]) {
      PngFile(Chart.rgb).file(
        before: raw("exif", Array("Exif\0\0".utf8) + Sample.exif()) + raw("iptc", Sample.iptc))
    },
    png("a comment", data: [.text("Grandma, 1974")]) {
      PngFile(Chart.rgb).file(before: PngFile.text("tEXt", "Comment", Array("Grandma, 1974".utf8)))
    },
    png("pixels of 2:1", data: [.ratio]) {
      PngFile(Chart.rgb).file(before: PngFile.chunk("pHYs", be32(2) + be32(1) + [0]))
    },
    png("content credentials", data: [.credentials]) {
      PngFile(Chart.rgb).file(before: PngFile.chunk("caBX", [1, 2, 3]))
    },
    png("a chunk of its maker's", data: [Datum("the chunk", said: "the chunk \"prVt\"")]) {
      PngFile(Chart.rgb).file(after: PngFile.chunk("prVt", [1, 2, 3]))
    },
  ]

  private static let metadata = metadata(orientation: 1)

  private static func metadata(orientation: Int) -> [UInt8] {
    PngFile.chunk("eXIf", Sample.exif(orientation))
      + PngFile.international("XML:com.adobe.xmp", Sample.xmpText)
      + PngFile.text("tEXt", "Title", Array("A bee".utf8))
      + PngFile.international("Description", "Biene, 蜂")
  }

  private static func raw(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return PngFile.text(
      "zTXt", "Raw profile type \(name)",
      [0] + PngFile.stored(Array("\n\(name)\n\(bytes.count)\n\(digits)\n".utf8)))
  }

  static let apng: [Variant] = [
    Variant("PNG", "animation", "png", Chart.rgb, .sRGB, data: [.frames(2)]) {
      func control(_ number: Int) -> [UInt8] {
        PngFile.chunk(
          "fcTL",
          be32(number) + be32(Chart.width) + be32(Chart.height) + be32(0) + be32(0) + be16(1)
            + be16(10) + [0, 0])
      }
      let next = PngFile.chunk("fdAT", be32(2) + PngFile(Chart.moved).data)
      return PngFile(Chart.rgb).file(
        before: PngFile.chunk("acTL", be32(2) + be32(0)) + control(0), after: control(1) + next)
    }
  ]
}
