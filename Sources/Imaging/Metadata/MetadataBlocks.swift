import Foundation

/// A picture's metadata in the form for a file format, corrected for the picture that is written.
struct MetadataBlocks {
  var iccProfile: Data?
  /// The blocks that the format has a place for.
  var codePoints: CodePoints?
  /// Without the prefix "Exif\0\0".
  var exif: [UInt8]?
  var xmp: [UInt8]?
  /// IPTC's records.
  var iptc: [UInt8]?
  var texts: [PictureText] = []
  var density: PixelDensity?
  var gainMap: GainMap?
  /// Warnings about what the file will not keep, a line each.
  private(set) var warnings: [String] = []

  init(_ metadata: ImageMetadata, _ format: ImageFormat, width: Int, height: Int, isGrey: Bool) {
    density = metadata.density
    addColors(metadata, format, isGrey: isGrey)
    addExif(metadata, format, width: width, height: height)
    addGainMap(metadata, format)
    if let packet = metadata.xmp {
      let (xmp, leftOut) = XmpPacket.describing(
        packet, width: width, height: height, source: metadata.source,
        gainMap: gainMap?.jpeg.count ?? 0)
      self.xmp = xmp.map { Array($0) }
      // Already warned about with the gain map.
      warnings += metadata.gainMap == nil ? leftOut : leftOut.filter { !$0.contains("gain map") }
    }
    iptc = metadata.iptc.flatMap { IptcBlock.records(in: Array($0)) }
    limit(format)
    addTexts(metadata.texts, format)
  }

  private mutating func addColors(
    _ metadata: ImageMetadata, _ format: ImageFormat, isGrey: Bool
  ) {
    if let profile = metadata.iccProfile {
      iccProfile = ColorProfile.mended(profile)
      if iccProfile == nil { warnings.append("the ICC profile is damaged and left out") }
    }
    guard let points = metadata.codePoints, !points.isStandard else { return }
    if format.storesCodePoints { codePoints = points }
    // PNG has a profile as well, for programs that do not know code points.
    guard format != .avif, iccProfile == nil else { return }
    iccProfile = ColorProfile.make(points, isGrey: isGrey)
    if iccProfile == nil, codePoints == nil {
      warnings.append("\(format.name) cannot state that its colours are \(points.name)")
    }
    if points.isHighDynamicRange, codePoints == nil {
      warnings.append(
        "\(format.name) has no place for \(points.name):"
          + " its profile clips what is brighter than white"
      )
    }
  }

  private mutating func addExif(
    _ metadata: ImageMetadata, _ format: ImageFormat, width: Int, height: Int
  ) {
    var block = metadata.exif.flatMap { ExifBlock($0) }
    if metadata.exif != nil, block == nil {
      warnings.append("the EXIF data are damaged and left out")
    }
    // These formats have no other place for the density.
    if block == nil, density != nil, !format.storesDensity { block = ExifBlock() }
    block?.describe(width: width, height: height, density: density)
    exif = block?.bytes
  }

  private mutating func addGainMap(_ metadata: ImageMetadata, _ format: ImageFormat) {
    guard let map = metadata.gainMap else { return }
    let orientation = metadata.source?.orientation ?? 1
    if format == .jpeg, metadata.xmp != nil {
      gainMap = orientation == 1 ? map : map.turned(by: orientation)
      if gainMap == nil { warnings.append("the gain map is damaged and left out") }
    } else {
      warnings.append("\(format.name) has no place for the gain map; it is left out")
    }
  }

  private mutating func limit(_ format: ImageFormat) {
    if let limit = format.largestBlock {
      for (name, path) in [("EXIF", \Self.exif), ("IPTC", \.iptc)]
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

  private mutating func addTexts(_ texts: [PictureText], _ format: ImageFormat) {
    let isKept = { (text: PictureText) in
      format == .png
        || format == .jpeg && text.keyword == PictureText.comment
          && text.text.utf8.count <= 65_000
    }
    self.texts = texts.filter(isKept)
    let lost = texts.filter { !isKept($0) }
    if !lost.isEmpty {
      let names = PictureText.keywords(lost)
      warnings.append("\(format.name) has no place for the texts \(names); they are left out")
    }
  }
}

extension ImageFormat {
  fileprivate var storesDensity: Bool { self == .jpeg || self == .png || self == .tiff }
  fileprivate var storesIptc: Bool { self == .jpeg || self == .tiff }
  fileprivate var storesCodePoints: Bool { self == .png || self == .avif }

  /// The capacity of a JPEG segment, less its length field and the longest prefix of a block.
  fileprivate var largestBlock: Int? { self == .jpeg ? 65_535 - 64 : nil }
}
