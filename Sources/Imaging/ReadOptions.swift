import Foundation

/// Limits that hold before a single pixel is decoded, and where decoded pixels go.
public struct ReadOptions: Sendable {
  /// Largest width and height, pixels.
  public var maximumDimension: Int
  /// Largest width × height, pixels.
  public var maximumPixels: Int
  /// Pictures whose samples take more bytes are decoded into an unnamed temporary file.
  public var memoryLimit: Int
  /// Where that file is made.
  public var scratchFolder: String
  /// Which page of a file of several (multi-page TIFF, animated GIF and WebP), counted from 0; nil
  /// reads the main picture, which is the first but in some HEIF files.
  public var page: Int?
  /// The part of the upright picture that is read as if there were nothing else; nil: all of it.
  public var part: PixelRect?
  /// Stands in for the file's orientation.
  var orientation: Int?

  public init(
    maximumDimension: Int = 65_500, maximumPixels: Int = 400_000_000,
    memoryLimit: Int = 96 << 20, scratchFolder: String = NSTemporaryDirectory(), page: Int? = nil
  ) {
    self.page = page
    self.maximumDimension = maximumDimension
    self.maximumPixels = maximumPixels
    self.memoryLimit = memoryLimit
    self.scratchFolder = scratchFolder
  }
}
