import Foundation

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

  /// Drops a profile of other samples than the picture's, of which it says nothing.
  mutating func dropForeignProfile(isGrey: Bool) {
    if iccProfile.flatMap(ColorProfile.space) != (isGrey ? "GRAY" : "RGB ") { iccProfile = nil }
  }
}
