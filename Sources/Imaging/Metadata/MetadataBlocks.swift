import Foundation

/// A picture's metadata as they go into a file of one format, true for the picture that is written.
struct MetadataBlocks {
  var iccProfile: Data?
  /// Without the prefix "Exif\0\0".
  var exif: [UInt8]?
  var xmp: [UInt8]?
  /// IPTC's records.
  var iptc: [UInt8]?
  let density: PixelDensity?
  /// What the file will not keep, a line each.
  private(set) var warnings: [String] = []

  init(_ metadata: ImageMetadata, _ format: ImageFormat, width: Int, height: Int) {
    iccProfile = metadata.iccProfile
    density = metadata.density
    xmp = metadata.xmp.map {
      Array(XmpPacket.describing($0, width: width, height: height))
    }
    iptc = metadata.iptc.flatMap { IptcBlock.records(in: Array($0)) }

    var block = metadata.exif.flatMap { ExifBlock($0) }
    if metadata.exif != nil, block == nil {
      warnings.append("the EXIF data are damaged and left out")
    }
    // These have no other place for the density.
    if block == nil, density != nil, !format.storesDensity { block = ExifBlock() }
    block?.describe(width: width, height: height, density: density)
    exif = block?.bytes

    if let limit = format.largestBlock {
      for (name, path) in [("EXIF", \Self.exif), ("XMP", \.xmp), ("IPTC", \.iptc)]
      where (self[keyPath: path]?.count ?? 0) > limit {
        warnings.append("\(format.name) holds at most 64 KB of \(name) data; they are left out")
        self[keyPath: path] = nil
      }
    }
    if iptc != nil, !format.storesIptc {
      warnings.append("\(format.name) has no place for IPTC data; they are left out")
      iptc = nil
    }
  }
}

extension ImageFormat {
  fileprivate var storesDensity: Bool { self == .jpeg || self == .png || self == .tiff }
  fileprivate var storesIptc: Bool { self == .jpeg || self == .tiff }

  /// Bytes of a JPEG segment but for its length and the longest mark before a block. libvips takes
  /// an AVIF file's EXIF data through such a segment too.
  fileprivate var largestBlock: Int? { self == .jpeg || self == .avif ? 65_535 - 64 : nil }
}
