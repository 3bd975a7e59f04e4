import CVips
import CVipsLoader
import Files
import Foundation

/// What a picture that is to be looked at is not larger than.
public struct ReductionBounds: Sendable {
  /// Pixels of the longer side, and in all.
  public let side, pixels: Int

  public init(side: Int, pixels: Int = .max) { (self.side, self.pixels) = (side, pixels) }

  /// The size of what a picture becomes: of its proportions, and not larger than it is.
  func size(width: Int, height: Int) -> (width: Int, height: Int) {
    let (w, h) = (Double(width), Double(height))
    let factor = min(1, Double(side) / max(w, h), (Double(pixels) / (w * h)).squareRoot())
    return (max(1, Int(w * factor)), max(1, Int(h * factor)))
  }
}

extension ImageFile {
  /// Writes a version of a picture file that can be looked at everywhere, as a WebP file: upright,
  /// sRGB, 8 bit, with alpha where the picture has it, without metadata, and within bounds.
  ///
  /// libvips makes it row by row: memory holds the smaller picture, not the larger one, but of
  /// formats that are decoded as a whole (JPEG XL, AVIF, HEIF, WebP, JPEG 2000, interlaced PNG,
  /// progressive JPEG).
  ///
  /// - Parameters:
  ///   - path: of the picture.
  ///   - options: as for `open`.
  ///   - bounds: WebP takes 16,383 pixels a side.
  ///   - output: the file to write.
  ///   - quality: 1...100.
  /// - Returns: the size of what has been written.
  /// - Throws: as `open`; `ImagingError` where the file is damaged; `FileError` where there is no
  ///   room.
  @discardableResult
  public static func reduce(
    _ path: String, _ options: ReadOptions = .init(), to output: String, _ bounds: ReductionBounds,
    quality: Int
  ) throws -> (width: Int, height: Int) {
    let reader = try open(path, options: options)
    let (part, metadata) = (reader.part, reader.metadata)
    let size = bounds.size(width: reader.width, height: reader.height)
    let reduction = cvips_reduction(
      x: Int32(part.x), y: Int32(part.y), from_width: options.part == nil ? 0 : Int32(part.width),
      from_height: Int32(part.height), width: Int32(size.width), height: Int32(size.height),
      quality: Int32(quality))
    let profile =
      metadata.codePoints.flatMap { ColorProfile.make($0, isGrey: reader.isGrey) }
      ?? metadata.iccProfile
    var text: UnsafeMutablePointer<CChar>?
    let status = withBlob(profile) { cvips_reduce(reader.picture, reduction, $0, output, &text) }
    guard status == 0 else {
      let reason = take(&text)
      try FreeSpace.require(1 << 20, at: output)
      throw ImageReader.openingError(path, reason)
    }
    return size
  }
}
