extension ImageFile {
  /// A picture file as RGB of 8 bit without alpha.
  /// - Throws: `ImagingError`.
  public static func readRGB(_ path: String) throws -> Image { try read(path).rgb }
}

extension Image {
  /// The picture as RGB of 8 bit without alpha.
  public var rgb: Image {
    if channels == 3, bitDepth == 8 { return self }
    return Image(planes().asRGB)
  }
}
