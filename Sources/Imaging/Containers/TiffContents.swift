extension TiffContainer {
  private enum Tag {
    static let newSubfileType: UInt16 = 0xfe
    static let photometric: UInt16 = 0x106
    static let subdirectories: UInt16 = 0x14a
    static let photoshop: UInt16 = 0x8649
    static let layers: UInt16 = 0x935c
    static let rawVersion: UInt16 = 0xc612
    /// GeoTIFF: ModelPixelScale, ModelTiepoint, ModelTransformation, GeoKeyDirectory and its
    /// parameters.
    static let georeference: Set<UInt16> = [0x830e, 0x8482, 0x85d8, 0x87af, 0x87b0, 0x87b1]
  }

  /// Photometric interpretations that libvips converts to grey or RGB: white or black is zero, RGB,
  /// a palette, CMYK, YCbCr, CIE Lab.
  private static let interpretations: Set<Int> = [0, 1, 2, 3, 5, 6, 8]

  private static let names = [
    4: "a mask", 9: "ICC Lab", 10: "ITU Lab", 32803: "a raw photo (a filter's mosaic)",
    32844: "LogL", 32845: "LogLuv", 34892: "a raw photo (linear)", 51177: "a depth map",
  ]

  /// Reads what a page's directory states and libvips ignores.
  static func contents(_ source: FileBytes, page: Int) -> FileContents {
    var found = FileContents()
    guard let (layout, offset) = TiffDirectory.start(source.read, page: max(page, 0)),
      let directory = TiffDirectory(source.read, at: offset, layout)
    else { return found }
    func number(_ tag: UInt16) -> Int? {
      directory.values[tag].map {
        layout.integer($0.bytes.prefix(TiffDirectory.size(ofType: $0.type)))
      }
    }
    if let value = number(Tag.photometric), !interpretations.contains(value) {
      let name = names[value] ?? "photometric interpretation \(value)"
      found.unsupported = "its samples are \(name), which is not supported; convert it to RGB"
    }
    let isPreview = (number(Tag.newSubfileType) ?? 0) & 1 == 1
    if directory.values[Tag.rawVersion] != nil || isPreview && page < 0 && hasMore(directory) {
      found.unsupported =
        "a raw photo with a preview in it, or a picture in several sizes; develop it, or choose a page"
    }
    if page >= 0, directory.values[Tag.rawVersion] == nil { found.unsupported = nil }

    found.exif = ExifBlock(directory, layout)?.bytes
    if let (x, y, unit) = ExifBlock.resolution(directory, layout), unit == 1 {
      found.density = PixelDensity(ratio: x, y)
      found.statesDensity = true
    }
    let tags = Set(directory.values.keys)
    if !tags.isDisjoint(with: Tag.georeference) {
      found.leaveOut("its geographic position (GeoTIFF) is")
    }
    if let block = directory.values[Tag.photoshop]?.bytes, IptcBlock.hasOtherResources(block) {
      found.leaveOut("Photoshop's resources (paths, print settings...) are")
    }
    if tags.contains(Tag.layers) { found.leaveOut("Photoshop's layers are") }
    let others = tags.filter { $0 >= 0x8000 }.subtracting(known).subtracting(Tag.georeference)
      .subtracting(ExifBlock.descriptive)
    if !others.isEmpty {
      found.leaveOut(
        "its private tags (\(others.sorted().map { "\($0)" }.joined(separator: ", "))) are")
    }
    return found
  }

  private static func hasMore(_ directory: TiffDirectory) -> Bool {
    directory.values[Tag.subdirectories] != nil
  }

  /// Tags above 0x8000 that are read or that describe the storage: matting, the region and depth of
  /// tiles, IPTC, Photoshop, the profile, XMP's neighbours, layers, LERC.
  private static let known: Set<UInt16> = [
    0x80a4, 0x80a5, 0x80a6, 0x80e3, 0x80e4, 0x80e5, 0x83bb, 0x8649, 0x8769, 0x8773, 0x8825, 0x935c,
    0xc5f2, 0xc5f3,
  ]
}
