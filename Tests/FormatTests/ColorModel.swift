import Foundation
import Imaging

/// The meaning of samples in CIELAB under D50: an independent reading of code points and profiles.
struct ColorModel: Sendable {
  /// The colour of one pixel's components without alpha, 0...1.
  let lab: @Sendable ([Double]) -> Lab

  typealias Curve = @Sendable (Double) -> Double
  /// Columns: CIE XYZ of red, green and blue under D50.
  typealias Matrix = [SIMD3<Double>]

  static let white = SIMD3(0.9642, 1, 0.8249)

  init(_ lab: @escaping @Sendable ([Double]) -> Lab) { self.lab = lab }

  init(matrix: Matrix, curves: [Curve]) {
    self.init { values in
      // Grey may have a single component.
      let values = values.count == 1 ? values + values + values : values
      let xyz = (0..<3).reduce(SIMD3<Double>()) { $0 + matrix[$1] * curves[$1](values[$1]) }
      return Self.lab(xyz)
    }
  }

  static func gamma(_ gamma: Double) -> ColorModel {
    ColorModel { lab(white * pow($0[0], gamma)) }
  }

  /// CIELAB itself, with components as `scaled` makes them.
  static let lab = ColorModel { Lab($0[0] * 100, $0[1] * 255 - 128, $0[2] * 255 - 128) }

  static func scaled(_ lab: Lab) -> [Float] {
    [Float(lab.x / 100), Float((lab.y + 128) / 255), Float((lab.z + 128) / 255)]
  }

  static let sRGB = ColorModel(primaries: 1, transfer: 13)!
  static let displayP3 = ColorModel(primaries: 12, transfer: 13)!

  static func lab(_ xyz: SIMD3<Double>) -> Lab {
    func f(_ t: Double) -> Double { t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116 }
    let (x, y, z) = (f(xyz.x / white.x), f(xyz.y / white.y), f(xyz.z / white.z))
    return Lab(116 * y - 16, 500 * (x - y), 200 * (y - z))
  }
}

// MARK: Code points

extension ColorModel {
  /// H.273's code points; nil if the tests do not know them.
  init?(primaries: Int, transfer: Int) {
    let d65 = SIMD2(0.3127, 0.3290)
    let colors: [SIMD2<Double>]
    switch primaries {
    case 0, 1, 2: colors = [SIMD2(0.64, 0.33), SIMD2(0.30, 0.60), SIMD2(0.15, 0.06)]
    case 9: colors = [SIMD2(0.708, 0.292), SIMD2(0.170, 0.797), SIMD2(0.131, 0.046)]
    case 12: colors = [SIMD2(0.680, 0.320), SIMD2(0.265, 0.690), SIMD2(0.150, 0.060)]
    default: return nil
    }
    let curve: Curve
    switch transfer {
    case 0, 1, 2, 6, 13: curve = Self.sRGBCurve
    case 8: curve = { $0 }
    case 16: curve = Self.pq
    default: return nil
    }
    self.init(
      matrix: Self.matrix(colors, white: d65), curves: [Curve](repeating: curve, count: 3))
  }

  static let sRGBCurve: Curve = { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }

  /// SMPTE ST 2084 with white at 203 nits; brighter values are white.
  static let pq: Curve = { signal in
    let power = pow(signal, 1 / 78.84375)
    let light = pow(max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power), 1 / 0.1593017578125)
    return min(light * 10_000 / 203, 1)
  }

  /// The matrix of primaries and a white point, adapted to D50 (Bradford).
  static func matrix(_ primaries: [SIMD2<Double>], white: SIMD2<Double>) -> Matrix {
    func xyz(_ c: SIMD2<Double>) -> SIMD3<Double> { SIMD3(c.x / c.y, 1, (1 - c.x - c.y) / c.y) }
    let columns = primaries.map(xyz)
    let shares = solve(columns, xyz(white))
    let bradford: Matrix = [
      SIMD3(0.8951, -0.7502, 0.0389), SIMD3(0.2664, 1.7135, -0.0685),
      SIMD3(-0.1614, 0.0367, 1.0296),
    ]
    let ratio = multiply(bradford, Self.white) / multiply(bradford, xyz(white))
    return (0..<3).map { solve(bradford, multiply(bradford, columns[$0] * shares[$0]) * ratio) }
  }

  private static func multiply(_ m: Matrix, _ v: SIMD3<Double>) -> SIMD3<Double> {
    m[0] * v.x + m[1] * v.y + m[2] * v.z
  }

  /// The solution x of m x = v, by Cramer's rule.
  private static func solve(_ m: Matrix, _ v: SIMD3<Double>) -> SIMD3<Double> {
    func determinant(_ a: SIMD3<Double>, _ b: SIMD3<Double>, _ c: SIMD3<Double>) -> Double {
      a.x * (b.y * c.z - b.z * c.y) - b.x * (a.y * c.z - a.z * c.y)
        + c.x * (a.y * b.z - a.z * b.y)
    }
    let whole = determinant(m[0], m[1], m[2])
    return SIMD3(
      determinant(v, m[1], m[2]), determinant(m[0], v, m[2]), determinant(m[0], m[1], v)) / whole
  }
}

// MARK: Profiles

extension ColorModel {
  /// The meaning of a picture's samples: by code points, else by a profile, else sRGB. nil if the
  /// tests cannot read it.
  init?(_ metadata: ImageMetadata) {
    if let points = metadata.codePoints {
      self.init(primaries: Int(points.primaries), transfer: Int(points.transfer))
    } else if let profile = metadata.iccProfile {
      self.init(profile: [UInt8](profile))
    } else {
      self = .sRGB
    }
  }

  /// The model of a profile with curves and, for RGB, a matrix.
  init?(profile: [UInt8]) {
    func number(_ place: Int, _ count: Int = 4) -> Int {
      profile[place..<place + count].reduce(0) { $0 << 8 | Int($1) }
    }
    func fixed(_ place: Int) -> Double { Double(Int32(truncatingIfNeeded: number(place))) / 65536 }
    var places: [String: Int] = [:]
    for i in 0..<number(128) {
      let entry = 132 + 12 * i
      places[String(decoding: profile[entry..<entry + 4], as: UTF8.self)] = number(entry + 4)
    }
    func curve(_ name: String) -> Curve? {
      guard let place = places[name] else { return nil }
      if profile[place..<place + 4].elementsEqual("para".utf8) {
        let kind = number(place + 8, 2)
        let p = (0..<[1, 3, 4, 5, 7][kind]).map { fixed(place + 12 + 4 * $0) }
        return Self.parametric(kind, p)
      }
      let count = number(place + 8)
      let values = (0..<count).map { Double(number(place + 12 + 2 * $0, 2)) }
      switch count {
      case 0: return { $0 }
      case 1: return { pow($0, values[0] / 256) }
      default:
        return { value in
          let place = min(max(value, 0), 1) * Double(count - 1)
          let (i, share) = (min(Int(place), count - 2), place - Double(min(Int(place), count - 2)))
          return (values[i] * (1 - share) + values[i + 1] * share) / 65535
        }
      }
    }
    if profile[16..<20].elementsEqual("GRAY".utf8) {
      guard let curve = curve("kTRC") else { return nil }
      self.init { Self.lab(Self.white * curve($0[0])) }
      return
    }
    let columns = ["rXYZ", "gXYZ", "bXYZ"].compactMap { places[$0] }.map {
      SIMD3(fixed($0 + 8), fixed($0 + 12), fixed($0 + 16))
    }
    let curves = ["rTRC", "gTRC", "bTRC"].compactMap(curve)
    guard columns.count == 3, curves.count == 3 else { return nil }
    self.init(matrix: columns, curves: curves)
  }

  /// ICC's parametric curves: g, a, b, c, d, e, f.
  private static func parametric(_ kind: Int, _ p: [Double]) -> Curve {
    { x in
      switch kind {
      case 0: pow(x, p[0])
      case 1: x >= -p[2] / p[1] ? pow(p[1] * x + p[2], p[0]) : 0
      case 2: x >= -p[2] / p[1] ? pow(p[1] * x + p[2], p[0]) + p[3] : p[3]
      case 3: x >= p[4] ? pow(p[1] * x + p[2], p[0]) : p[3] * x
      default: x >= p[4] ? pow(p[1] * x + p[2], p[0]) + p[5] : p[3] * x + p[6]
      }
    }
  }
}
