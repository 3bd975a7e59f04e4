/// Colours by code points of ITU-T H.273, as in PNG's cICP chunk and AVIF's nclx box.
public struct CodePoints: Equatable, Sendable {
  /// 1 BT.709 and sRGB, 9 BT.2020, 12 Display P3...
  public var primaries: UInt8
  /// 13 sRGB, 16 PQ, 18 HLG...
  public var transfer: UInt8

  public init(primaries: UInt8, transfer: UInt8) {
    self.primaries = primaries
    self.transfer = transfer
  }

  /// Whether the code points are equivalent to none: BT.709's primaries with sRGB's curve or one
  /// that is displayed as sRGB; 2 means unknown.
  var isStandard: Bool {
    [0, 1, 2].contains(primaries) && [0, 1, 2, 6, 13, 14, 15].contains(transfer)
  }

  /// Whether values exceed a screen's usual white: PQ and HLG.
  var isHighDynamicRange: Bool { transfer == 16 || transfer == 18 }

  /// A description such as "Display P3, PQ".
  var name: String {
    let primaries = Self.primaries[primaries]?.name ?? "primaries \(primaries)"
    let transfer: String
    switch self.transfer {
    case 1, 6, 14, 15: transfer = "BT.709"
    case 4: transfer = "gamma 2.2"
    case 5: transfer = "gamma 2.8"
    case 8: transfer = "linear"
    case 13: transfer = "sRGB"
    case 16: transfer = "PQ"
    case 18: transfer = "HLG"
    default: transfer = "transfer \(self.transfer)"
    }
    return "\(primaries), \(transfer)"
  }

  /// Names and chromaticities of H.273's primaries; 2, unknown, counts as BT.709.
  static let primaries: [UInt8: (name: String, colors: Chromaticities)] = [
    1: ("BT.709", .bt709), 2: ("BT.709", .bt709),
    4: (
      "BT.470 M",
      Chromaticities(
        white: (0.31, 0.316), red: (0.67, 0.33), green: (0.21, 0.71), blue: (0.14, 0.08))
    ),
    5: ("BT.601 625", Chromaticities(red: (0.64, 0.33), green: (0.29, 0.60), blue: (0.15, 0.06))),
    6: ("BT.601 525", Chromaticities(red: (0.63, 0.34), green: (0.31, 0.595), blue: (0.155, 0.07))),
    7: ("SMPTE 240M", Chromaticities(red: (0.63, 0.34), green: (0.31, 0.595), blue: (0.155, 0.07))),
    9: (
      "BT.2020", Chromaticities(red: (0.708, 0.292), green: (0.170, 0.797), blue: (0.131, 0.046))
    ),
    11: (
      "DCI-P3",
      Chromaticities(
        white: (0.314, 0.351), red: (0.680, 0.320), green: (0.265, 0.690), blue: (0.150, 0.060))
    ),
    12: (
      "Display P3", Chromaticities(red: (0.680, 0.320), green: (0.265, 0.690), blue: (0.150, 0.060))
    ),
  ]
}

/// CIE x and y of a colour space's white and primaries.
struct Chromaticities: Equatable {
  var white = SIMD2(0.3127, 0.3290)
  var red, green, blue: SIMD2<Double>

  init(
    white: (Double, Double) = (0.3127, 0.3290), red: (Double, Double), green: (Double, Double),
    blue: (Double, Double)
  ) {
    self.white = SIMD2(white.0, white.1)
    self.red = SIMD2(red.0, red.1)
    self.green = SIMD2(green.0, green.1)
    self.blue = SIMD2(blue.0, blue.1)
  }

  /// BT.709's and sRGB's.
  static let bt709 = Chromaticities(red: (0.64, 0.33), green: (0.30, 0.60), blue: (0.15, 0.06))

  /// Whether the values are equal up to the rounding of file formats.
  func isClose(to other: Chromaticities) -> Bool {
    zip([white, red, green, blue], [other.white, other.red, other.green, other.blue]).allSatisfy {
      abs($0.x - $1.x) < 0.002 && abs($0.y - $1.y) < 0.002
    }
  }
}
