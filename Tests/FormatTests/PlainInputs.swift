import Imaging

// GIF, BMP and PNM, made here.
extension Variant {
  private static func gifFile(_ blocks: [[UInt8]]) -> [UInt8] {
    var file = Array("GIF89a".utf8) + le16(Chart.width) + le16(Chart.height) + [0xf3, 0, 0]
    file += Chart.palette.joined().map { UInt8($0) }
    return file + blocks.joined() + [0x3b]
  }

  /// A frame whose code table is cleared before it grows.
  private static func gifFrame(_ indices: [Int]) -> [UInt8] {
    let (clear, end) = (16, 17)
    var codes: [Int] = []
    for start in stride(from: 0, to: indices.count, by: 12) {
      codes += [clear] + indices[start..<min(start + 12, indices.count)]
    }
    var (bytes, bits, count): ([UInt8], Int, Int) = ([], 0, 0)
    for code in codes + [end] {
      bits |= code << count
      count += 5
      while count >= 8 {
        bytes.append(UInt8(bits & 255))
        (bits, count) = (bits >> 8, count - 8)
      }
    }
    bytes.append(UInt8(bits & 255))
    let pieces = stride(from: 0, to: bytes.count, by: 255).flatMap { start in
      let piece = bytes[start..<min(start + 255, bytes.count)]
      return [UInt8(piece.count)] + piece
    }
    let place = [0x2c, 0, 0, 0, 0] + le16(Chart.width) + le16(Chart.height)
    return place + [0, 4] + pieces + [0]
  }

  private static let frame = gifFrame(Chart.indices)

  static let gif: [Variant] = [
    Variant("GIF", "palette", "gif", Chart.indexed) { gifFile([frame]) },
    Variant("GIF", "a transparent colour", "gif", Chart.cutOut) {
      gifFile([[0x21, 0xf9, 4, 1, 0, 0, 3, 0], frame])
    },
    Variant("GIF", "a comment", "gif", Chart.indexed, data: [.text("Grandma, 1974")]) {
      gifFile([[0x21, 0xfe, 13] + Array("Grandma, 1974".utf8) + [0], frame])
    },
    Variant("GIF", "animation", "gif", Chart.indexed, data: [.frames(2)]) {
      let control: [UInt8] = [0x21, 0xf9, 4, 0, 10, 0, 0, 0]
      return gifFile([control, frame, control, gifFrame(Chart.indices.reversed())])
    },
  ]

  /// Bottom-up rows, and the header of the version that these fields make.
  private static func bmpFile(
    bits: Int, compression: Int = 0, dpi: Int = 0, header more: [UInt8] = [],
    behind: [UInt8] = [], pixel: (Int, Int) -> [Int]
  ) -> [UInt8] {
    let pixels = (0..<Chart.height).reversed().flatMap { y -> [UInt8] in
      let row = (0..<Chart.width).flatMap { pixel($0, y).map { UInt8($0) } }
      return row + [UInt8](repeating: 0, count: (4 - row.count % 4) % 4)
    }
    let palette =
      bits == 8 ? Chart.palette.flatMap { [$0[2], $0[1], $0[0], 0] }.map { UInt8($0) } : []
    let size = 40 + more.count
    let start = 14 + size + palette.count
    let perMetre = Int((Double(dpi) / 0.0254).rounded())
    var file = Array("BM".utf8) + le32(start + pixels.count + behind.count) + le32(0)
    file += [start, size, Chart.width, Chart.height].flatMap(le32) + le16(1) + le16(bits)
    file += [compression, pixels.count, perMetre, perMetre, palette.count / 4, 0].flatMap(le32)
    return file + more + palette + pixels + behind
  }

  private static let masks = [0xff0000, 0xff00, 0xff, 0xff00_0000].flatMap(le32)

  private static func blueGreenRed(_ x: Int, _ y: Int) -> [Int] { Chart.color(x, y).reversed() }

  static let bmp: [Variant] = [
    Variant("BMP", "8 bit, 300 dpi", "bmp", Chart.rgb, .sRGB, data: [.density(300, 300)]) {
      bmpFile(bits: 24, dpi: 300, pixel: blueGreenRed)
    },
    Variant("BMP", "palette", "bmp", Chart.indexed) {
      bmpFile(bits: 8) { [Chart.index($0, $1)] }
    },
    Variant("BMP", "transparency", "bmp", Chart.rgba) {
      // Version 4, sRGB.
      bmpFile(
        bits: 32, compression: 3,
        header: masks + Array("BGRs".utf8) + [UInt8](repeating: 0, count: 48)
      ) { x, y in
        (Chart.alpha(x) == 0 ? [0, 255, 0] : blueGreenRed(x, y)) + [Chart.alpha(x)]
      }
    },
    Variant("BMP", "profile of Display P3", "bmp", Chart.rgb, .displayP3) {
      // Version 5: the profile follows the pixels, at an offset from the header.
      let size = 3 * Chart.width * Chart.height
      var header = [UInt8](repeating: 0, count: 16) + Array("DEBM".utf8)
      header += [UInt8](repeating: 0, count: 48) + le32(4) + le32(124 + size)
      header += le32(Profile.displayP3.count) + le32(0)
      return bmpFile(
        bits: 24, header: header, behind: Profile.displayP3, pixel: blueGreenRed)
    },
    Variant(
      "BMP", "calibrated, gamma 1", "bmp", Chart.rgb, ColorModel(primaries: 1, transfer: 8)!
    ) {
      var header = [UInt8](repeating: 0, count: 20)
      for (x, y) in [(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)] {
        for share in [x, y, 1 - x - y] { header += le32(Int(share * 1_073_741_824)) }
      }
      for _ in 0..<3 { header += le32(65536) }
      return bmpFile(bits: 24, header: header, pixel: blueGreenRed)
    }.unshown("Chromium does not look at the calibration"),
  ]

  private static func pnm(_ kind: String, _ maximum: String, _ samples: [UInt8]) -> [UInt8] {
    Array("\(kind)\n\(Chart.width) \(Chart.height)\n\(maximum)\n".utf8) + samples
  }

  static let pnm: [Variant] = [
    Variant("PNM", "8 bit", "ppm") { pnm("P6", "255", Chart.rgb.samples()) },
    Variant("PNM", "16 bit", "ppm", depth: 16) {
      pnm("P6", "65535", Chart.rgb.samples(bits: 16))
    },
    Variant("PNM", "grey", "pgm", Chart.grey) { pnm("P5", "255", Chart.grey.samples()) },
    Variant("PNM", "float", "pfm", depth: 16, data: [.float]) {
      // Bottom-up, little-endian.
      pnm(
        "PF", "-1.0",
        (0..<Chart.height).reversed().flatMap { y in
          (0..<Chart.width).flatMap { x in
            Chart.color(x, y).flatMap { nativeBytes(Float($0) / 255) }
          }
        })
    }.unshown("libvips shows it upside down"),
  ]
}
