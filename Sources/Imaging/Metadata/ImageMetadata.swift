import Foundation

/// Pixels per inch.
public struct PixelDensity: Equatable, Sendable {
  public var horizontal, vertical: Double

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
}

/// What travels with a picture besides its samples; the blocks are kept as they were in the file.
///
/// A writer makes what they say about the picture true: its size, upright orientation, its density,
/// no thumbnail of the old one.
public struct ImageMetadata: Equatable, Sendable {
  public var iccProfile: Data?
  /// The EXIF block, a TIFF structure; "Exif\0\0" may stand before it.
  public var exif: Data?
  /// The XMP packet.
  public var xmp: Data?
  /// IPTC records (IIM); Photoshop's block of resources may be around them.
  public var iptc: Data?
  /// nil where the file does not say; libvips says 72 for JPEG and PNG files that do not.
  public var density: PixelDensity?

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

  /// The colour space an ICC profile describes, "RGB " or "GRAY" for example (bytes 16 to 19).
  var profileSpace: String? {
    guard let iccProfile, iccProfile.count >= 20 else { return nil }
    let start = iccProfile.startIndex + 16
    return String(decoding: iccProfile[start..<start + 4], as: UTF8.self)
  }
}

extension ImageMetadata {
  /// Adds what libvips leaves unread: EXIF data of TIFF files, EXIF and XMP of JPEG XL files, the
  /// density where only the EXIF data have it. Takes Photoshop's resources away from around IPTC.
  mutating func complete(from path: String, page: Int) {
    iptc = iptc.flatMap { IptcBlock.records(in: Array($0)) }.map { Data($0) }
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file >= 0 {
      defer { close(file) }
      let source = FileBytes(descriptor: file)
      if exif == nil, let block = ExifBlock(tiff: source.read, page: max(page, 0)) {
        exif = Data(block.bytes)
      }
      let boxes = JxlContainer.metadata(source)
      exif = exif ?? boxes.exif.map { Data($0) }
      xmp = xmp ?? boxes.xmp.map { Data($0) }
    }
    density = density ?? exif.flatMap { ExifBlock($0)?.density }
  }
}
