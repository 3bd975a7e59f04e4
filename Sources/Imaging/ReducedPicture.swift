import CVips
import Files
import Foundation

/// The bounds of a reduced picture.
public struct ReductionBounds: Sendable {
  /// The longer side and the total number of pixels.
  public let side, pixels: Int

  public init(side: Int, pixels: Int = .max) { (self.side, self.pixels) = (side, pixels) }

  /// The size that a picture is reduced to: of the same proportions and not larger than it is.
  func size(width: Int, height: Int) -> (width: Int, height: Int) {
    let (w, h) = (Double(width), Double(height))
    let factor = min(1, Double(side) / max(w, h), (Double(pixels) / (w * h)).squareRoot())
    return (max(1, Int(w * factor)), max(1, Int(h * factor)))
  }
}

extension ImageFile {
  /// Writes a reduced version of a picture file that every browser can display: WebP, upright,
  /// sRGB, 8 bit, with alpha if the picture has it, without metadata, within bounds.
  ///
  /// libvips works row by row: memory holds the reduced picture, but the whole one only for formats
  /// that are decoded as a whole (JPEG XL, AVIF, HEIF, WebP, JPEG 2000, interlaced PNG, progressive
  /// JPEG).
  ///
  /// - Parameters:
  ///   - path: the path of the picture.
  ///   - options: as for `open`.
  ///   - bounds: WebP takes 16,383 pixels a side.
  ///   - output: the file to write.
  ///   - quality: 1...100.
  /// - Returns: the size of the reduced picture.
  /// - Throws: as `open`; `ImagingError` if the file is damaged; `FileError` if there is no room.
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
