import Imaging

extension Variant {
  private static func tiff(
    _ name: String, _ picture: FloatImage = Chart.rgb, _ model: ColorModel = .sRGB, depth: Int = 8,
    isTurned: Bool = false, data: [Datum] = [], _ page: @escaping @Sendable () -> TiffPage
  ) -> Variant {
    Variant("TIFF", name, "tif", picture, model, depth: depth, isTurned: isTurned, data: data) {
      page().file
    }
  }

  private static let iccTag = 0x8773

  static let tiff: [Variant] = [
    tiff("8 bit") { TiffPage(Chart.rgb) },
    tiff("16 bit", depth: 16) { TiffPage(Chart.rgb, bits: 16) },
    tiff("float", depth: 16, data: [.float]) {
      TiffPage(
        (0..<Chart.width * Chart.height).flatMap { i in
          Chart.color(i % Chart.width, i / Chart.width).flatMap { nativeBytes(Float($0) / 255) }
        }, channels: 3, bits: 32, photometric: 2, [0x153: .shorts([3, 3, 3])])
    },
    tiff("grey", Chart.grey) { TiffPage(Chart.grey) },
    tiff("grey, 16 bit", Chart.grey, depth: 16) { TiffPage(Chart.grey, bits: 16) },
    tiff("grey, white is 0", Chart.grey) {
      TiffPage(Chart.grey.samples().map { 255 - $0 }, channels: 1, photometric: 0)
    },
    tiff("palette", Chart.indexed) {
      let colors = (0..<3).flatMap { c in
        (0..<256).map { $0 < 16 ? Chart.palette[$0][c] * 257 : 0 }
      }
      return TiffPage(
        Chart.indices.map { UInt8($0) }, channels: 1, photometric: 3, [0x140: .shorts(colors)])
    },
    tiff("CMYK with a profile", Chart.printed, .lab, data: [.converted]) {
      printed(bits: 8, Profile.cmyk)
    },
    tiff("CMYK with a profile, 16 bit", Chart.printed, .lab, depth: 16, data: [.converted]) {
      printed(bits: 16, Profile.cmyk)
    },
    tiff("CMYK with a profile of one intent", Chart.printed, .lab, data: [.converted]) {
      printed(bits: 8, Profile.cmyk(["A2B0"]))
    }.unshown("libvips takes a profile of its own instead"),
    tiff("CIELAB", cielab(8), .lab, data: [.converted]) {
      TiffPage(
        cielab(8).samples(bits: 8).enumerated().map { $0 % 3 == 0 ? $1 : $1 &- 128 }, channels: 3,
        photometric: 8)
    }.unshown("libvips takes its white for D65"),
    tiff("CIELAB, 16 bit", cielab(16), .lab, depth: 16, data: [.converted]) {
      let planes = cielab(16)
      let values = (0..<Chart.width * Chart.height * 3).flatMap { i in
        let value = Double(planes[i % 3, i / 3 / Chart.width, i / 3 % Chart.width])
        return le16(
          Int((i % 3 == 0 ? value * 65535 : (value * 255 - 128) * 256).rounded()))
      }
      return TiffPage(values, channels: 3, bits: 16, photometric: 8)
    }.unshown("libvips takes its white for D65"),
    tiff("transparency", Chart.rgba) { TiffPage(Chart.rgba) },
    tiff("transparency, 16 bit", Chart.rgba, depth: 16) { TiffPage(Chart.rgba, bits: 16) },
    tiff("transparency, premultiplied", Chart.rgba) {
      TiffPage(Chart.rgba.premultiplied, [0x152: .shorts([1])])
    },
    tiff("transparency, premultiplied, 16 bit", Chart.rgba, depth: 16) {
      TiffPage(Chart.rgba.premultiplied, bits: 16, [0x152: .shorts([1])])
    },
    tiff("Display P3", .displayP3) { [iccTag: .bytes(Profile.displayP3)] },
    tiff("ProPhoto, 16 bit", ColorModel(profile: Profile.proPhoto)!, depth: 16) {
      [iccTag: .bytes(Profile.proPhoto)]
    },
    tiff("grey of gamma 2.2", Chart.grey, ColorModel(profile: Profile.grey(2.2))!) {
      TiffPage(Chart.grey, [iccTag: .bytes(Profile.grey(2.2))])
    },
  ]

  private static func tiff(
    _ name: String, _ model: ColorModel, depth: Int = 8,
    _ fields: @escaping @Sendable () -> [Int: TiffPage.Field]
  ) -> Variant {
    tiff(name, Chart.rgb, model, depth: depth) { TiffPage(Chart.rgb, bits: depth, fields()) }
  }

  private static func printed(bits: Int, _ profile: [UInt8]) -> TiffPage {
    let inks = (0..<Chart.width * Chart.height).flatMap {
      Chart.inks($0 % Chart.width, $0 / Chart.width)
    }
    return TiffPage(
      bits == 8 ? inks.map { UInt8($0) } : inks.flatMap { le16($0 * 257) }, channels: 4,
      bits: bits, photometric: 5, [iccTag: .bytes(profile)])
  }

  /// CIELAB colours, rounded as in a file of 8 or 16 bit.
  private static func cielab(_ bits: Int) -> FloatImage {
    Chart.planes(3) { x, y in
      let lab = ColorModel.sRGB.lab(Chart.color(x, y).map { Double($0) / 255 })
      let steps: Double = bits == 8 ? 1 : 256
      func rounded(_ value: Double) -> Double { (value * steps).rounded() / steps }
      return ColorModel.scaled(
        bits == 8
          ? Lab((lab.x * 2.55).rounded() / 2.55, rounded(lab.y), rounded(lab.z))
          : Lab(lab.x, rounded(lab.y), rounded(lab.z)))
    }
  }

  static let tiffWithMetadata: [Variant] =
    (2...8).map { orientation in
      tiff(
        "orientations 2 to 8, EXIF", isTurned: true,
        data: [.exif, orientation < 5 ? .density(300, 150) : .density(150, 300)]
      ) {
        TiffPage(
          Chart.rgb.stored(orientation),
          [
            0x112: .shorts([orientation]), 0x13b: .text("Jane"), 0x11a: .rational(300, 1),
            0x11b: .rational(150, 1), 0x128: .shorts([2]),
          ])
      }
    } + [
      tiff("EXIF, XMP, IPTC, 300 dpi", data: [.exif, .xmp, .iptc, .density(300, 300)]) {
        TiffPage(
          Chart.rgb,
          [
            0x13b: .text("Jane"), 0x11a: .rational(300, 1), 0x11b: .rational(300, 1),
            0x128: .shorts([2]), 0x2bc: .bytes(Sample.xmp), 0x83bb: .bytes(Sample.iptc),
          ])
      },
      tiff("pixels of 2:1", data: [.ratio]) {
        TiffPage(
          Chart.rgb,
          [0x11a: .rational(2, 1), 0x11b: .rational(1, 1), 0x128: .shorts([1])])
      },
      tiff("GeoTIFF", data: [.place]) {
        TiffPage(
          Chart.rgb,
          [
            0x830e: .doubles([10, 10, 0]), 0x8482: .doubles([0, 0, 0, 500_000, 4_000_000, 0]),
            0x87af: .shorts([1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633]),
          ])
      },
      tiff("a private tag", data: [Datum("private tags", said: "its private tags (50000)")]) {
        TiffPage(Chart.rgb, [50000: .shorts([7])])
      },
      Variant("TIFF", "two pages", "tif", data: [.frames(2)]) {
        TiffPage.file([TiffPage(Chart.rgb), TiffPage(Chart.moved)])
      },
    ]
}
