import Foundation
import Imaging

// WebP, AVIF, HEIC, JPEG XL and JPEG 2000.
extension Variant {
  private static let metadata: ImageMetadata = {
    var metadata = ImageMetadata()
    metadata.exif = .init(Sample.exif())
    metadata.xmp = .init(Sample.xmp)
    metadata.density = PixelDensity(horizontal: 300, vertical: 300)
    return metadata
  }()

  private static let p3Metadata = ImageMetadata(iccProfile: .init(Profile.displayP3))
  /// Display P3's primaries with a gamma of 563/256, as in the fixtures.
  private static let p3Gamma = ColorModel(
    matrix: [
      SIMD3(0.51512, 0.2412, -0.00105), SIMD3(0.29198, 0.69225, 0.04189),
      SIMD3(0.1571, 0.06657, 0.78407),
    ], curves: Array(repeating: { Foundation.pow($0, 563.0 / 256) }, count: 3))

  private static func written(
    _ format: ImageFormat, _ name: String, _ picture: FloatImage = Chart.rgb,
    _ model: ColorModel = .sRGB, depth: Int = 8, lossless: Bool = false,
    with metadata: ImageMetadata = ImageMetadata(), data: [Datum] = []
  ) -> Variant {
    Variant(
      format.name, name, format.fileExtensions[0], picture, model, depth: depth,
      isLossy: !lossless, data: data
    ) { try encoded(picture, format, depth: depth, lossless: lossless, metadata) }
  }

  static let webp: [Variant] = [
    written(.webp, "8 bit"), written(.webp, "lossless", lossless: true),
    written(.webp, "transparency", Chart.rgba, lossless: true),
    written(.webp, "Display P3", Chart.rgb, .displayP3, with: p3Metadata),
    written(.webp, "EXIF, XMP, 300 dpi", with: metadata, data: [.exif, .xmp, .density(300, 300)]),
    Variant(
      "WebP", "turned", "webp", Chart.rgb, .sRGB, isLossy: true, isTurned: true, data: [.exif]
    ) {
      // A file without EXIF data, and these appended.
      let plain = try encoded(Chart.rgb.stored(8), .webp)
      let exif = Sample.exif(8)
      let body =
        plain[12..<20] + [plain[20] | 8] + plain[21...] + Array("EXIF".utf8) + le32(exif.count)
        + exif + (exif.count % 2 == 1 ? [0] : [])
      return Array("RIFF".utf8) + le32(body.count + 4) + Array("WEBP".utf8) + body
    },
    Variant("WebP", "animation", fixture: "animated.webp", Chart.opaque, data: [.frames(2)]),
  ]

  static let avif: [Variant] = [
    written(.avif, "8 bit"), written(.avif, "16 bit (12 are kept)", depth: 16),
    Variant("AVIF", "grey", fixture: "grey.avif", Chart.grey.asRGB, isLossy: true),
    Variant(
      "AVIF", "grey of gamma 1", fixture: "grey-profile.avif", Chart.grey, .gamma(1),
      isLossy: true),
    written(.avif, "transparency", Chart.rgba),
    Variant(
      "AVIF", "transparency, premultiplied", fixture: "premultiplied.avif", Chart.rgba,
      isLossy: true),
    Variant(
      "AVIF", "code points of Display P3", fixture: "p3.avif", Chart.rgb, .displayP3,
      isLossy: true),
    Variant(
      "AVIF", "code points of BT.2020 with PQ, 10 bit", fixture: "pq.avif", Chart.dim,
      ColorModel(primaries: 9, transfer: 16)!, depth: 16, isLossy: true, data: [.highlights]),
    Variant(
      "AVIF", "profile of Display P3", fixture: "profile.avif", Chart.rgb, p3Gamma, isLossy: true),
    Variant(
      "AVIF", "turned, EXIF, XMP", fixture: "turned.avif", isLossy: true, isTurned: true,
      data: [.exif, .xmp]),
    written(.avif, "EXIF, XMP, 300 dpi", with: metadata, data: [.exif, .xmp, .density(300, 300)]),
    Variant(
      "AVIF", "animation", fixture: "sequence.avif", Chart.opaque, isLossy: true,
      data: [Datum("further frames", said: "the file's video or animation")]),
  ]

  static let heic: [Variant] = [
    Variant("HEIC", "8 bit", fixture: "plain.heic", isLossy: true),
    Variant("HEIC", "10 bit", fixture: "10-bit.heic", depth: 16, isLossy: true),
    Variant("HEIC", "transparency", fixture: "alpha.heic", Chart.rgba, isLossy: true),
    Variant(
      "HEIC", "profile of Display P3", fixture: "profile.heic", Chart.rgb, p3Gamma, isLossy: true),
    Variant("HEIC", "EXIF, XMP", fixture: "metadata.heic", isLossy: true, data: [.exif, .xmp]),
    Variant(
      "HEIC", "turned, EXIF", fixture: "turned.heic", isLossy: true, isTurned: true, data: [.exif]),
    Variant("HEIC", "two pictures", fixture: "pages.heic", isLossy: true, data: [.frames(2)]),
  ]

  static let jxl: [Variant] = [
    written(.jxl, "8 bit"), written(.jxl, "16 bit", depth: 16),
    written(.jxl, "lossless", lossless: true),
    written(.jxl, "grey", Chart.grey),
    written(.jxl, "transparency", Chart.rgba, lossless: true),
    Variant("JPEG XL", "transparency, premultiplied", fixture: "premultiplied.jxl", Chart.rgba),
    Variant("JPEG XL", "profile of Display P3", fixture: "profile.jxl", Chart.rgb, p3Gamma),
    written(.jxl, "EXIF, XMP, 300 dpi", with: metadata, data: [.exif, .xmp, .density(300, 300)]),
    Variant(
      "JPEG XL", "EXIF, XMP in compressed boxes", fixture: "packed.jxl", data: [.exif, .xmp]),
    Variant(
      "JPEG XL", "made of a JPEG, turned, EXIF", fixture: "transcoded.jxl", isLossy: true,
      isTurned: true, data: [.exif]),
    Variant(
      "JPEG XL", "animation, EXIF, XMP", fixture: "animated.jxl", data: [.frames(2), .exif, .xmp]),
  ]

  static let jpeg2000: [Variant] = [
    Variant("JPEG 2000", "8 bit", fixture: "plain.jp2"),
    Variant("JPEG 2000", "16 bit", fixture: "16-bit.jp2", depth: 16),
    Variant("JPEG 2000", "grey", fixture: "grey.jp2", Chart.grey),
    Variant(
      "JPEG 2000", "profile of Display P3, EXIF, XMP", fixture: "metadata.jp2", Chart.rgb, p3Gamma,
      data: [.exif, .xmp]
    ).unshown("libvips does not look at the profile"),
  ]
}
