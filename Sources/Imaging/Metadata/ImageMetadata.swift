import Foundation

/// The metadata of a picture; blocks are kept as they were in the file.
///
/// A writer corrects their statements about the picture: its size, upright orientation, density, no
/// thumbnail of the old picture.
public struct ImageMetadata: Equatable, Sendable {
  public var iccProfile: Data?
  /// Colours by code points, which take precedence over a profile.
  public var codePoints: CodePoints?
  /// The EXIF block, a TIFF structure; may be prefixed by "Exif\0\0".
  public var exif: Data?
  /// The XMP packet.
  public var xmp: Data?
  /// IPTC records (IIM), possibly inside Photoshop's resource block.
  public var iptc: Data?
  /// Comments and other texts.
  public var texts: [PictureText] = []
  /// nil if the file does not state it.
  public var density: PixelDensity?
  /// The gain map of a JPEG picture.
  public var gainMap: GainMap?
  /// The picture that the blocks describe; nil: the one that is written.
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

  /// Drops a profile of another kind of samples than the picture's.
  mutating func dropForeignProfile(isGrey: Bool) {
    if iccProfile.flatMap(ColorProfile.space) != (isGrey ? "GRAY" : "RGB ") { iccProfile = nil }
  }
}
