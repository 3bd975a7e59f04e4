import Foundation

/// ICC profiles, made independently of the library.
enum Profile {
  static let displayP3 = rgb(
    ColorModel.matrix(
      [SIMD2(0.680, 0.320), SIMD2(0.265, 0.690), SIMD2(0.150, 0.060)],
      white: SIMD2(0.3127, 0.3290)),
    // sRGB's curve.
    curve: tag(
      "para",
      be16(3) + [0, 0]
        + [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]
        .flatMap(fixed)))

  static let proPhoto = rgb(
    ColorModel.matrix(
      [SIMD2(0.7347, 0.2653), SIMD2(0.1596, 0.8404), SIMD2(0.0366, 0.0001)],
      white: SIMD2(0.3457, 0.3585)),
    curve: gammaCurve(1.8))

  /// Grey with a gamma that is a multiple of 1/256.
  static func grey(_ gamma: Double) -> [UInt8] {
    file("mntr", "GRAY", "XYZ ", [("kTRC", gammaCurve(gamma))])
  }

  /// A printer whose colours in CIELAB are linear in its inks, each 0...1, so that every
  /// interpolation gives the same colours.
  static func lab(ofInks inks: [Double]) -> Lab {
    let shares = [Lab(-25, -30, -30), Lab(-30, 50, -5), Lab(-6, -3, 50), Lab(-30, 0, 0)]
    return zip(inks, shares).reduce(Lab(96, 0, 0)) { $0 + $1.1 * $1.0 }
  }

  static let cmyk = cmyk(["A2B0", "A2B1"])

  /// - Parameter tables: by intent, 0 perceptual, 1 relative colorimetric; they are equal.
  static func cmyk(_ tables: [String]) -> [UInt8] {
    let line = be16(0) + be16(65535)
    var table: [UInt8] = [4, 3, 2, 0]
    for value in [1.0, 0, 0, 0, 1, 0, 0, 0, 1] { table += fixed(value) }
    table += be16(2) + be16(2) + line + line + line + line
    for corner in 0..<16 {
      let lab = lab(ofInks: (0..<4).map { Double(corner >> (3 - $0) & 1) })
      table += be16(Int((lab.x * 652.8).rounded()))
      table += [lab.y, lab.z].flatMap { be16(Int((($0 + 128) * 256).rounded())) }
    }
    let contents = tag("mft2", table + line + line + line)
    return file("prtr", "CMYK", "Lab ", tables.map { ($0, contents) })
  }

  private static func rgb(_ matrix: ColorModel.Matrix, curve: [UInt8]) -> [UInt8] {
    let columns = zip(["rXYZ", "gXYZ", "bXYZ"], matrix).map { ($0, xyz($1)) }
    return file("mntr", "RGB ", "XYZ ", columns + ["rTRC", "gTRC", "bTRC"].map { ($0, curve) })
  }

  private static func file(
    _ kind: String, _ space: String, _ connection: String, _ contents: [(String, [UInt8])]
  ) -> [UInt8] {
    let name = Array("Chart\0".utf8)
    let tags =
      [
        ("desc", tag("desc", be32(name.count) + name + [UInt8](repeating: 0, count: 78))),
        ("cprt", tag("text", Array("CC0\0".utf8))), ("wtpt", xyz(ColorModel.white)),
      ] + contents
    var (table, body): ([UInt8], [UInt8]) = (be32(tags.count), [])
    let start = 132 + 12 * tags.count
    for (signature, contents) in tags {
      table += Array(signature.utf8) + be32(start + body.count) + be32(contents.count)
      body += contents + [UInt8](repeating: 0, count: (4 - contents.count % 4) % 4)
    }
    var header = be32(start + body.count) + be32(0) + be32(0x0240_0000)
    header += Array((kind + space + connection).utf8)
    header += [2024, 1, 1, 0, 0, 0].flatMap(be16) + Array("acsp".utf8)
    header += [UInt8](repeating: 0, count: 28)
    header += [0.9642, 1, 0.8249].flatMap(fixed)
    header += [UInt8](repeating: 0, count: 128 - header.count)
    return header + table + body
  }

  private static func fixed(_ value: Double) -> [UInt8] { be32(Int((value * 65536).rounded())) }
  private static func tag(_ type: String, _ contents: [UInt8]) -> [UInt8] {
    Array(type.utf8) + be32(0) + contents
  }
  private static func xyz(_ value: SIMD3<Double>) -> [UInt8] {
    tag("XYZ ", [value.x, value.y, value.z].flatMap(fixed))
  }
  private static func gammaCurve(_ gamma: Double) -> [UInt8] {
    tag("curv", be32(1) + be16(Int((gamma * 256).rounded())))
  }
}
