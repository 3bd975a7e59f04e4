import Imaging

extension Variant {
  private static func jpeg(
    _ name: String, _ picture: FloatImage = Chart.rgb, _ model: ColorModel = .sRGB,
    isTurned: Bool = false, data: [Datum] = [],
    _ make: @escaping @Sendable () throws -> [UInt8]
  ) -> Variant {
    Variant(
      "JPEG", name, "jpg", picture, model, isLossy: true, isTurned: isTurned, data: data, make: make
    )
  }

  private static func segment(_ mark: UInt8, _ contents: [UInt8]) -> [UInt8] {
    [0xff, mark] + be16(contents.count + 2) + contents
  }

  /// A JPEG file with these segments at its start, in place of its application segments.
  private static func file(
    _ segments: [UInt8], of picture: FloatImage = Chart.rgb, behind: [UInt8] = []
  ) throws -> [UInt8] {
    let plain = try encoded(picture, .jpeg)
    let end = 4 + Int(plain[4]) << 8 + Int(plain[5])
    return plain[..<2] + segments + plain[end...] + behind
  }

  private static func jfif(unit: UInt8, _ x: Int, _ y: Int) -> [UInt8] {
    segment(0xe0, Array("JFIF\0".utf8) + [1, 1, unit] + be16(x) + be16(y) + [0, 0])
  }

  private static func profile(_ bytes: [UInt8]) -> [UInt8] {
    segment(0xe2, Array("ICC_PROFILE\0".utf8) + [1, 1] + bytes)
  }

  private static func exif(_ block: [UInt8]) -> [UInt8] {
    segment(0xe1, Array("Exif\0\0".utf8) + block)
  }

  private static func xmp(_ packet: String) -> [UInt8] {
    segment(0xe1, Array("http://ns.adobe.com/xap/1.0/\0".utf8) + Array(packet.utf8))
  }

  private static let photoshop: [UInt8] =
    Array("Photoshop 3.0\u{0}8BIM".utf8) + [4, 4, 0, 0] + be32(Sample.iptc.count) + Sample.iptc

  static let jpeg: [Variant] =
    [
      jpeg("8 bit") { try encoded(Chart.rgb, .jpeg) },
      jpeg("grey", Chart.grey) { try encoded(Chart.grey, .jpeg) },
      jpeg("CMYK with a profile", Chart.printed, .lab, data: [.converted]) {
        let plain = try fixture("cmyk.jpg")
        return plain[..<2] + profile(Profile.cmyk) + plain[2...]
      },
      jpeg("Display P3", Chart.rgb, .displayP3) { try file(profile(Profile.displayP3)) },
      jpeg("ProPhoto", Chart.rgb, ColorModel(profile: Profile.proPhoto)!) {
        try file(profile(Profile.proPhoto))
      },
      jpeg("grey of gamma 1", Chart.grey, .gamma(1)) {
        try file(profile(Profile.grey(1)), of: Chart.grey)
      },
    ]
    + (2...8).map { orientation in
      jpeg(
        "orientations 2 to 8, EXIF", isTurned: true,
        data: [.exif, orientation < 5 ? .density(300, 150) : .density(150, 300)]
      ) {
        try file(
          exif(Sample.exif(orientation, density: [300, 150])), of: Chart.rgb.stored(orientation))
      }
    } + jpegWithMetadata

  private static let jpegWithMetadata: [Variant] = [
    jpeg(
      "EXIF, XMP, IPTC, a comment, 300 dpi",
      data: [.exif, .xmp, .iptc, .text("Großmutter, 1974"), .density(300, 300)]
    ) {
      let segments = [
        jfif(unit: 1, 300, 300), exif(Sample.exif()), xmp(Sample.xmpText),
        segment(0xed, photoshop), segment(0xfe, Array("Großmutter, 1974".utf8)),
      ]
      return try file(Array(segments.joined()))
    },
    jpeg("pixels of 2:1", data: [.ratio]) { try file(jfif(unit: 0, 2, 1)) },
    jpeg("XMP in two parts", data: [.xmp]) {
      // An edit history longer than a segment.
      let guid = Array("0123456789ABCDEF0123456789ABCDEF".utf8)
      let second = Array(
        Sample.packet(
          "xmlns:dc=\"http://purl.org/dc/elements/1.1/\"", "dc:source=\"beehive\"",
          "<dc:history>\(String(repeating: "edit ", count: 16_000))</dc:history>"
        ).utf8)
      let first = Sample.packet(
        "xmlns:xmpNote=\"http://ns.adobe.com/xmp/note/\"",
        "xmpNote:HasExtendedXMP=\"\(String(decoding: guid, as: UTF8.self))\"")
      let parts = stride(from: 0, to: second.count, by: 60_000).flatMap { start -> [UInt8] in
        let head = Array("http://ns.adobe.com/xmp/extension/\0".utf8) + guid
        let lengths = be32(second.count) + be32(start)
        return segment(0xe1, head + lengths + second[start..<min(start + 60_000, second.count)])
      }
      return try file(xmp(first) + parts)
    },
    jpeg("gain map (Ultra HDR)", data: [.gainMap]) {
      let namespace = "xmlns:hdrgm=\"http://ns.adobe.com/hdr-gain-map/1.0/\""
      let map = try file(
        xmp(Sample.packet(namespace, "hdrgm:Version=\"1.0\" hdrgm:GainMapMax=\"2.5\"")),
        of: Chart.grey.reduced(by: 2))
      func item(_ semantic: String, _ more: String) -> String {
        """
        <rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="\(semantic)" \
        Item:Mime="image/jpeg"\(more)/></rdf:li>
        """
      }
      let items = item("Primary", "") + item("GainMap", " Item:Length=\"\(map.count)\"")
      let packet = Sample.packet(
        """
        \(namespace) xmlns:Container="http://ns.google.com/photos/1.0/container/" \
        xmlns:Item="http://ns.google.com/photos/1.0/container/item/"
        """, "hdrgm:Version=\"1.0\"",
        "<Container:Directory><rdf:Seq>\(items)</rdf:Seq></Container:Directory>")
      return try file(xmp(packet), behind: map)
    },
    jpeg("motion photo", data: [Datum("video", said: "the video of a motion photo")]) {
      let video = be32(24) + Array("ftypmp42".utf8) + [UInt8](repeating: 0, count: 488)
      return try file(
        xmp(
          Sample.packet(
            "xmlns:GCamera=\"http://ns.google.com/photos/1.0/camera/\"",
            "GCamera:MicroVideo=\"1\" GCamera:MicroVideoOffset=\"\(video.count)\"")),
        behind: video)
    },
    jpeg("Photoshop's paths", data: [.iptc, Datum("paths", said: "Photoshop's resources")]) {
      let path = Array("8BIM".utf8) + [0x07, 0xd0, 0, 0] + be32(2) + [1, 2]
      return try file(segment(0xed, photoshop + path))
    },
    jpeg("content credentials", data: [.credentials]) {
      try file(segment(0xeb, Array("JP".utf8) + [0, 1, 0, 0, 0, 1]))
    },
  ]
}
