extension ImageFile {
  /// A picture file as 8-bit RGB without alpha.
  /// - Throws: `ImagingError`.
  public static func readRGB(_ path: String) throws -> Image { try read(path).rgb }
}

extension Image {
  /// The picture as 8-bit RGB without alpha.
  public var rgb: Image {
    if channels == 3, bitDepth == 8 { return self }
    return Image(planes().asRGB)
  }
}
