import CVips
import Foundation

/// Reads and creates ICC profiles (ICC.1).
enum ColorProfile {
  /// The colour space of a profile, such as "RGB " or "GRAY" (bytes 16 to 19).
  static func space(_ profile: Data) -> String? {
    guard profile.count >= 20 else { return nil }
    return String(decoding: profile.dropFirst(16).prefix(4), as: UTF8.self)
  }

  /// A profile that other programs accept as well: one whose header or table does not conform to
  /// the standard is rewritten. nil if it is damaged.
  static func mended(_ profile: Data) -> Data? {
    let mended =
      isStandard([UInt8](profile))
      ? profile
      : try? blob { out, text in withBlob(profile) { cvips_mend_profile($0, out, &text) } }
    // libjxl aborts the program if a curve or a primary is missing.
    let isGrey = space(profile) == "GRAY"
    return mended.flatMap { profile in
      withBlob(profile) { cvips_is_usable_profile($0, isGrey) } ? profile : nil
    }
  }

  /// The checks that programs make before they use a profile: size, signature, rendering intent,
  /// the illuminant D50, and tags inside the profile at multiples of four.
  private static func isStandard(_ bytes: [UInt8]) -> Bool {
    let number = { (place: Int) in
      Int(integer(bytes[place..<place + 4], littleEndian: false))
    }
    guard bytes.count >= 132, number(0) == bytes.count, bytes.count % 4 == 0,
      bytes[36..<40].elementsEqual("acsp".utf8), number(64) <= 3,
      bytes[68..<80].elementsEqual([0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d])
    else { return false }
    let count = number(128)
    guard count <= 1000, 132 + 12 * count <= bytes.count else { return false }
    return (0..<count).allSatisfy { i in
      let (place, size) = (number(136 + 12 * i), number(140 + 12 * i))
      return place % 4 == 0 && place <= bytes.count && size <= bytes.count - place
    }
  }

  /// A profile for samples with code points; nil if their meaning is unknown.
  static func make(_ points: CodePoints, isGrey: Bool) -> Data? {
    guard let colors = CodePoints.primaries[points.primaries]?.colors else { return nil }
    let curve: Curve
    switch points.transfer {
    case 1, 6, 14, 15, 2, 13: curve = .sRGB
    case 4: curve = .gamma(2.2)
    case 5: curve = .gamma(2.8)
    case 7: curve = .parametric([1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4.0, 0.0913])
    case 8: curve = .gamma(1)
    case 16: curve = .table(HighDynamicRange.pq)
    case 18: curve = .table(HighDynamicRange.hlg)
    case 17: curve = .gamma(2.6)
    default: return nil
    }
    return make(colors, curve, name: points.name, isGrey: isGrey, points)
  }

  /// Light as a function of the value, both 0...1.
  enum Curve: Equatable {
    case gamma(Double)
    /// g, a, b, c, d: (a v + b)^g if v ≥ d, else c v.
    case parametric([Double])
    case table([Float])

    static let sRGB = Curve.parametric([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
  }

  /// A profile of primaries and a curve.
  static func make(
    _ colors: Chromaticities, _ curve: Curve, name: String, isGrey: Bool,
    _ points: CodePoints? = nil
  ) -> Data? {
    var native = cvips_colours()
    native.grey = isGrey
    native.white = (colors.white.x, colors.white.y)
    native.red = (colors.red.x, colors.red.y)
    native.green = (colors.green.x, colors.green.y)
    native.blue = (colors.blue.x, colors.blue.y)
    var table: [Float] = []
    switch curve {
    case .gamma(let gamma): native.parameters = (gamma, 1, 0, 0, 0)
    case .parametric(let p): native.parameters = (p[0], p[1], p[2], p[3], p[4])
    case .table(let values): table = values
    }
    native.table_count = Int32(table.count)
    if let points, !isGrey {
      native.cicp = cvips_cicp(
        known: true, primaries: points.primaries, transfer: points.transfer, matrix: 0,
        full_range: true)
    }
    return try? blob { out, text in
      name.withCString { name in
        table.withUnsafeBufferPointer { values in
          native.name = name
          native.table = values.baseAddress
          return cvips_make_profile(&native, out, &text)
        }
      }
    }
  }
}

/// HDR curves as tables for profiles: diffuse white is 1, and brighter values are clipped, since
/// profiles cannot exceed it.
enum HighDynamicRange {
  private static let count = 4096

  /// SMPTE ST 2084; diffuse white is at 203 nits (BT.2408).
  static let pq: [Float] = (0..<count).map { i in
    let (m1, m2, c1, c2, c3) = (0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875)
    let power = pow(Double(i) / Double(count - 1), 1 / m2)
    let light = pow(max(power - c1, 0) / (c2 - c3 * power), 1 / m1)
    return Float(min(light * 10_000 / 203, 1))
  }

  /// ARIB STD-B67 with a system gamma of 1.2; diffuse white is at a signal of 75 %.
  static let hlg: [Float] = {
    func light(_ signal: Double) -> Double {
      let (a, b, c) = (0.17883277, 0.28466892, 0.55991073)
      return pow(signal <= 0.5 ? signal * signal / 3 : (exp((signal - c) / a) + b) / 12, 1.2)
    }
    return (0..<count).map { Float(min(light(Double($0) / Double(count - 1)) / light(0.75), 1)) }
  }()
}
