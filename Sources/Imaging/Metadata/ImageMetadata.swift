import CVips
import Foundation

/// Pixels per inch, or how many times as wide as high pixels are where no unit is stated.
public struct PixelDensity: Equatable, Sendable {
  public var horizontal, vertical: Double
  /// Whether only their ratio counts.
  public var isRatio = false

  public init(horizontal: Double, vertical: Double) {
    self.horizontal = horizontal
    self.vertical = vertical
  }

  /// nil where a density is not positive and finite. Whole numbers that were stored per metre come
  /// back whole.
  init?(perMillimetre x: Double, _ y: Double) {
    func perInch(_ value: Double) -> Double {
      let rounded = (value * 25.4).rounded()
      return abs(value * 25.4 - rounded) < 0.02 ? rounded : value * 25.4
    }
    guard x > 0, y > 0, x < 1e6, y < 1e6 else { return nil }
    self.init(horizontal: perInch(x), vertical: perInch(y))
  }

  /// Numbers without a unit; nil where pixels are square: then they say nothing.
  init?(ratio x: Double, _ y: Double) {
    guard x > 0, y > 0, x < 1e6, y < 1e6, x != y else { return nil }
    self.init(horizontal: x, vertical: y)
    isRatio = true
  }

  /// Of the picture turned by a quarter.
  var turned: PixelDensity {
    var turned = self
    (turned.horizontal, turned.vertical) = (vertical, horizontal)
    return turned
  }
}

/// What travels with a picture besides its samples; the blocks are kept as they were in the file.
///
/// A writer makes what they say about the picture true: its size, upright orientation, its density,
/// no thumbnail of the old one.
public struct ImageMetadata: Equatable, Sendable {
  public var iccProfile: Data?
  /// Colours by code points, which go before a profile.
  public var codePoints: CodePoints?
  /// The EXIF block, a TIFF structure; "Exif\0\0" may stand before it.
  public var exif: Data?
  /// The XMP packet.
  public var xmp: Data?
  /// IPTC records (IIM); Photoshop's block of resources may be around them.
  public var iptc: Data?
  /// Comments and other texts.
  public var texts: [PictureText] = []
  /// nil where the file does not say.
  public var density: PixelDensity?
  /// The map for screens with more light of a JPEG picture.
  public var gainMap: GainMap?
  /// The picture that the blocks speak of; nil: that which is written.
  var source: Source?

  /// The size of a picture as it is read, and the orientation in which it is stored.
  struct Source: Equatable, Sendable {
    var width, height: Int
    var orientation = 1
  }

  public init(
    iccProfile: Data? = nil, exif: Data? = nil, xmp: Data? = nil, iptc: Data? = nil,
    density: PixelDensity? = nil
  ) {
    self.iccProfile = iccProfile
    self.exif = exif
    self.xmp = xmp
    self.iptc = iptc
    self.density = density
  }
}

extension FileContents {
  /// Adds what libheif and libjxl say.
  mutating func add(_ header: cvips_header) {
    if header.cicp.known {
      cicp = CodePoints(primaries: header.cicp.primaries, transfer: header.cicp.transfer)
    }
    if header.has_gain_map { leaveOut("the gain map for screens with more light is") }
    if header.has_depth { leaveOut("its depth map is") }
    if header.has_credentials { leaveOut(Self.credentials) }
    if header.is_sequence { leaveOut("the file's video or animation is") }
  }
}

extension ImageMetadata {
  /// Adds what the file's container says and libvips leaves unread.
  ///
  /// - Returns: the orientation that libvips has not seen, or nil.
  mutating func complete(with contents: FileContents, _ header: cvips_header) -> Int? {
    iptc = (contents.iptc.map { Data($0) } ?? iptc).flatMap { IptcBlock.records(in: Array($0)) }
      .map { Data($0) }
    let isLate = exif == nil && contents.exif != nil && contents.isExifUpright == false
    exif = contents.exif.map { Data($0) } ?? exif
    xmp = contents.xmp.map { Data($0) } ?? xmp
    texts = contents.texts
    gainMap = contents.gainMap

    let isGrey = header.channels <= 2
    if !header.converted {
      iccProfile = contents.iccProfile.map { Data($0) } ?? iccProfile
      // In HEIF and AVIF a profile goes before code points, in PNG these go before it.
      let points = contents.format == "PNG" || iccProfile == nil ? contents.cicp : nil
      codePoints = points.flatMap { $0.isStandard ? nil : $0 }
      if iccProfile == nil, let (colors, curve) = contents.calibration {
        iccProfile = ColorProfile.make(
          colors, curve, name: "Calibrated \(isGrey ? "grey" : "RGB")", isGrey: isGrey)
      }
    }
    // A profile of other samples than those that are read says nothing of these.
    if header.converted || iccProfile.flatMap(ColorProfile.space) != (isGrey ? "GRAY" : "RGB ") {
      iccProfile = nil
    }

    let block = exif.flatMap { ExifBlock($0) }
    let orientation = isLate ? block?.orientation.flatMap { $0 > 1 ? $0 : nil } : nil
    // What libvips makes of EXIF's numbers has lost their unit.
    let stated = (contents.density ?? nil) ?? block?.density
    if stated != nil || contents.density != nil {
      density = (orientation ?? Int(header.orientation)) >= 5 ? stated?.turned : stated
    }
    return orientation
  }
}

/// Which metadata an output gets.
public enum MetadataPolicy: String, CaseIterable, Sendable {
  /// All that the format can hold.
  case keep
  /// The colours and the density only.
  case strip
  /// Without the place, the names and numbers by which a camera and its owner can be told, and
  /// thumbnails.
  case `private`
}

extension ImageMetadata {
  /// What is left of them under a policy.
  public func filtered(_ policy: MetadataPolicy) -> ImageMetadata {
    var metadata = self
    switch policy {
    case .keep: break
    case .strip:
      metadata.exif = nil
      metadata.xmp = nil
      metadata.iptc = nil
      metadata.texts = []
      metadata.gainMap = nil
    case .private:
      // What is damaged stays so, and the writer says it.
      if var block = exif.flatMap({ ExifBlock($0) }) {
        block.makePrivate()
        metadata.exif = Data(block.bytes)
      }
      metadata.xmp = xmp.map {
        (try? XmpPacket.edited($0, XmpPacket.identifying).packet) ?? $0
      }
      metadata.iptc = iptc.flatMap { IptcBlock.records(in: Array($0)) }
        .map { Data(IptcBlock.withoutPlace($0)) }
    }
    return metadata
  }
}
