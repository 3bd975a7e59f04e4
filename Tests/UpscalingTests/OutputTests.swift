import Foundation
import Imaging
import TestSupport
import Testing

@testable import Upscaling

/// What becomes of transparent pictures and of pictures without colour, with an enlargement in the
/// network's place.
@Suite struct OutputTests {
  /// Four times as large by bicubic interpolation, with a tint.
  private func write(
    _ input: String, to output: String, tint: SIMD3<Float> = .zero,
    _ change: (inout PhotoUpscaler.Options) -> Void = { _ in }
  ) throws -> PhotoUpscaler.Report {
    var options = PhotoUpscaler.Options()
    options.encoding = EncodingOptions(quality: 100)
    change(&options)
    let reader = try ImageFile.open(input)
    return try PhotoUpscaler.write(
      reader, to: output, options, color: .none, modelScale: 4
    ) { push in
      let colors = try reader.planes(reader.rect).asRGB
      var large = colors.resized(
        toWidth: 4 * colors.width, height: 4 * colors.height, .bicubic)
      let area = large.width * large.height
      for c in 0..<3 { for i in 0..<area { large.values[c * area + i] += tint[c] } }
      try push(large)
    }
  }

  /// A disc of one colour, another colour hidden around it.
  private func disc(_ color: SIMD3<Float>, hidden: SIMD3<Float>) -> FloatImage {
    var planes = FloatImage(width: 48, height: 48, channels: 4)
    for y in 0..<48 {
      for x in 0..<48 {
        let distance = (Float(x - 24) * Float(x - 24) + Float(y - 24) * Float(y - 24)).squareRoot()
        let alpha = min(max(16.5 - distance, 0), 1)
        for c in 0..<3 { planes[c, y, x] = alpha > 0 ? color[c] : hidden[c] }
        planes[3, y, x] = alpha
      }
    }
    return planes
  }

  @Test func hiddenColorsDoNotReachTheEdge() throws {
    let folder = try ScratchFolder()
    let color = SIMD3<Float>(1, 0.8, 0.2)
    for hidden in [SIMD3<Float>(0, 0, 0), SIMD3(1, 1, 1), SIMD3(0, 1, 0)] {
      try Image(disc(color, hidden: hidden)).write(to: folder("a.png"), overwrite: true)
      _ = try write(folder("a.png"), to: folder("b.png")) { $0.overwrite = true }
      let read = try ImageFile.read(folder("b.png"))
      let (bytes, wanted) = (read.bytes, [255, 204, 51])
      for i in 0..<read.width * read.height {
        for c in 0..<3 { #expect(abs(Int(bytes[4 * i + c]) - wanted[c]) <= 1) }
      }
    }
    // Far from what is seen it is the mean of that, and seen colours stay.
    let filled = disc(color, hidden: .zero).fillingHiddenColors()
    #expect(abs(filled[1, 0, 0] - 0.8) < 1e-5 && filled[1, 24, 24] == 0.8)
    // Nothing visible, and nothing hidden.
    let empty = FloatImage(width: 5, height: 4, channels: 2).fillingHiddenColors()
    #expect(empty.values.prefix(20).allSatisfy { $0 == 0.5 })
    let opaque = FloatImage(width: 5, height: 4, channels: 4, repeating: 1)
    #expect(opaque.fillingHiddenColors() == opaque)
  }

  /// The same wherever the rectangle lies that is asked for.
  @Test func hiddenColorsDoNotDependOnTheRectangle() throws {
    let folder = try ScratchFolder()
    var planes = disc(SIMD3(0.9, 0.5, 0.1), hidden: .zero)
    for i in 0..<48 * 48 { planes.values[i] *= 1 - Float(i % 7) / 10 }
    try Image(planes).write(to: folder("a.png"))
    let reader = try ImageFile.open(folder("a.png"))
    let whole = try reader.planes(reader.rect)
    for rect in [
      PixelRect(x: 0, y: 0, width: 9, height: 9), PixelRect(x: 3, y: 30, width: 40, height: 11),
      PixelRect(x: 24, y: 0, width: 24, height: 48),
    ] {
      let part = try reader.planes(rect)
      let difference = zip(part.values, whole.cropped(to: rect).values).map { abs($0 - $1) }.max()!
      #expect(difference < 1e-6)
    }
  }

  @Test func opaqueAlphaIsNoTransparency() throws {
    let folder = try ScratchFolder()
    for channels in [2, 4] {
      var planes = FloatImage(width: 16, height: 12, channels: channels, repeating: 0.5)
      for i in 0..<192 { planes.values[(channels - 1) * 192 + i] = 1 }
      let input = folder("\(channels).png")
      try Image(planes).write(to: input)
      _ = try write(input, to: folder("\(channels).jpg"))
      #expect(try ImageFile.read(folder("\(channels).jpg")).channels == channels - 1)
      planes.values[channels * 192 - 1] = 0.9
      try Image(planes).write(to: input, overwrite: true)
      #expect {
        try write(input, to: folder("x.jpg"))
      } throws: {
        if case ImagingError.noTransparency = $0 { true } else { false }
      }
    }
  }

  @Test func aColourBehindTransparentPictures() throws {
    let folder = try ScratchFolder()
    try Image(disc(SIMD3(1, 1, 1), hidden: .zero)).write(to: folder("a.png"))
    for name in ["b.jpg", "b.png"] {
      let report = try write(folder("a.png"), to: folder(name)) {
        $0.background = PictureColor("#ff8000")
      }
      let read = try ImageFile.read(folder(name))
      #expect(read.channels == 3 && report.output.samples == "RGB, 8 bit")
      #expect(zip(read.bytes, [255, 128, 0]).allSatisfy { abs(Int($0) - $1) <= 2 })
      let middle = (96 * read.width + 96) * 3
      #expect(read.bytes[middle..<middle + 3].allSatisfy { $0 >= 253 })
    }
    // Grey stays grey on grey, and becomes RGB on a colour.
    let grey = FloatImage(width: 8, height: 8, channels: 2, repeating: 0.5)
    try Image(grey).write(to: folder("g.png"))
    for (color, channels) in [("white", 1), ("red", 3)] {
      _ = try write(folder("g.png"), to: folder("g.jpg")) {
        $0.background = PictureColor(color)
        $0.overwrite = true
      }
      #expect(try ImageFile.read(folder("g.jpg")).channels == channels)
    }
  }

  /// The colour is one of sRGB, whatever the picture's samples mean.
  @Test func theColourBehindIsShownAsIsAsked() throws {
    let folder = try ScratchFolder()
    var image = Image(FloatImage(width: 8, height: 8, channels: 4))
    for (points, wanted) in [
      (CodePoints(primaries: 1, transfer: 8), [255, 55, 0]),
      (CodePoints(primaries: 12, transfer: 13), [237, 138, 53]),
    ] {
      image.metadata.codePoints = points
      try image.write(to: folder("a.png"), overwrite: true)
      _ = try write(folder("a.png"), to: folder("b.png")) {
        $0.background = PictureColor("#ff8000")
        $0.overwrite = true
      }
      let read = try ImageFile.read(folder("b.png"))
      #expect(zip(read.bytes, wanted).allSatisfy { abs(Int($0) - $1) <= 3 }, "\(read.bytes[..<3])")
    }
    var grey = Image(FloatImage(width: 8, height: 8, channels: 2))
    grey.metadata.codePoints = CodePoints(primaries: 1, transfer: 8)
    try grey.write(to: folder("g.png"))
    #expect(throws: ImagingError.self) {
      try write(folder("g.png"), to: folder("h.png")) { $0.background = PictureColor("red") }
    }
  }

  @Test func whatHasNoColourGetsNone() throws {
    let folder = try ScratchFolder()
    var planes = FloatImage(width: 16, height: 16, channels: 3)
    for i in 0..<256 { for c in 0..<3 { planes.values[c * 256 + i] = Float(i) / 255 } }
    try Image(planes).write(to: folder("a.png"))
    _ = try write(folder("a.png"), to: folder("b.png"), tint: SIMD3(0.05, 0, -0.02))
    let read = try ImageFile.read(folder("b.png"))
    let bytes = read.bytes
    #expect(read.channels == 3)
    for i in stride(from: 0, to: bytes.count, by: 3) {
      #expect(bytes[i] == bytes[i + 1] && bytes[i] == bytes[i + 2])
    }
    // One pixel with a colour, and the tint stays.
    planes.values[0] = 0.2
    try Image(planes).write(to: folder("c.png"))
    _ = try write(folder("c.png"), to: folder("d.png"), tint: SIMD3(0.05, 0, 0))
    let other = try ImageFile.read(folder("d.png")).bytes
    #expect(other[3 * 2000] != other[3 * 2000 + 1])
  }

  @Test func policiesOfMetadata() throws {
    let folder = try ScratchFolder()
    var picture = Image(FloatImage(width: 16, height: 12, channels: 3, repeating: 0.5))
    picture.metadata.exif = Data(ExifFile.camera())
    picture.metadata.xmp = Data(
      """
      <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF \
      xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description \
      xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" \
      xmlns:drone="http://www.dji.com/drone-dji/1.0/" drone:GpsLongtitude="7" \
      exif:GPSLatitude="48,1N" dc:source="me"/></rdf:RDF></x:xmpmeta>
      """.utf8)
    picture.metadata.iptc = Data(
      [0x1c, 2, 25, 0, 3] + Array("bee".utf8) + [0x1c, 2, 90, 0, 4] + Array("Rome".utf8))
    picture.metadata.density = PixelDensity(horizontal: 300, vertical: 300)
    picture.metadata.texts = [PictureText(text: "hello")]
    try picture.write(to: folder("a.jpg"))
    func metadata(_ policy: MetadataPolicy) throws -> (ImageMetadata, ExifFile?) {
      _ = try write(folder("a.jpg"), to: folder("b.jpg")) {
        $0.metadata = policy
        $0.overwrite = true
      }
      let metadata = try ImageFile.open(folder("b.jpg")).metadata
      return (metadata, metadata.exif.map { ExifFile([UInt8]($0.dropFirst(6))) })
    }
    let (kept, all) = try metadata(.keep)
    #expect(all?.tags["gps/2"] != nil && kept.texts.count == 1)
    let (stripped, _) = try metadata(.strip)
    #expect(stripped.exif == nil && stripped.xmp == nil && stripped.iptc == nil)
    #expect(stripped.texts.isEmpty && stripped.density == picture.metadata.density)
    let (hidden, some) = try metadata(.private)
    #expect(some?.tags["gps/2"] == nil && some?.tags["exif/927c"] == nil)
    #expect(some?.text("0/13b") == "Jörg")
    let xmp = String(decoding: hidden.xmp ?? Data(), as: UTF8.self)
    #expect(xmp.contains("dc:source") && !xmp.contains("GPSLatitude") && !xmp.contains("Longt"))
    #expect(hidden.iptc.map { [UInt8]($0) } == [0x1c, 2, 25, 0, 3] + Array("bee".utf8))
    #expect(hidden.texts.count == 1)
  }

  @Test func namesAndDigitsOfColours() {
    #expect(PictureColor("White")?.components == SIMD3(1, 1, 1))
    #expect(PictureColor("#f80")?.components == SIMD3<Float>(1, 136 / 255, 0))
    #expect(PictureColor("0000ff")?.components == SIMD3(0, 0, 1))
    for bad in ["", "#", "#12", "#12345", "#gggggg", "whitish", "#+12345", "#ÄÄÄ"] {
      #expect(PictureColor(bad) == nil, "\(bad)")
    }
  }
}
