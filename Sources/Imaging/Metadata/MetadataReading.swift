import CVips
import Foundation

extension FileContents {
  /// Adds the metadata from libheif and libjxl.
  mutating func add(_ header: cvips_header) {
    if header.cicp.known {
      cicp = CodePoints(primaries: header.cicp.primaries, transfer: header.cicp.transfer)
    }
    if header.has_gain_map { leaveOut("the gain map for HDR screens is") }
    if header.has_depth { leaveOut("its depth map is") }
    if header.has_credentials { leaveOut(Self.credentials) }
    if header.is_sequence { leaveOut("the file's video or animation is") }
  }
}

extension ImageMetadata {
  /// Adds the metadata in the file's container that libvips does not read.
  ///
  /// - Returns: an orientation that libvips has not applied, or nil.
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
      // In HEIF and AVIF a profile takes precedence over code points, in PNG it is the reverse.
      let points = contents.format == "PNG" || iccProfile == nil ? contents.cicp : nil
      codePoints = points.flatMap { $0.isStandard ? nil : $0 }
      if iccProfile == nil, let (colors, curve) = contents.calibration {
        iccProfile = ColorProfile.make(
          colors, curve, name: "Calibrated \(isGrey ? "grey" : "RGB")", isGrey: isGrey)
      }
    }
    if header.converted { iccProfile = nil }
    dropForeignProfile(isGrey: isGrey)

    let block = exif.flatMap { ExifBlock($0) }
    let orientation = isLate ? block?.orientation.flatMap { $0 > 1 ? $0 : nil } : nil
    // libvips has lost the unit of EXIF's density.
    let stated = contents.density ?? block?.density
    if stated != nil || contents.statesDensity {
      density = (orientation ?? Int(header.orientation)) >= 5 ? stated?.turned : stated
    }
    return orientation
  }
}
