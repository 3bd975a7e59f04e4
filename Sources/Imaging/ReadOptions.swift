import Foundation

/// Limits that are checked before decoding, and the storage of decoded pixels.
public struct ReadOptions: Sendable {
  /// Largest width and height, pixels.
  public var maximumDimension: Int
  /// Largest width × height, pixels.
  public var maximumPixels: Int
  /// The largest size of samples in memory, in bytes; larger pictures are decoded into an unnamed
  /// temporary file.
  public var memoryLimit: Int
  /// The folder for that file.
  public var scratchFolder: String
  /// The page of a file with several (multi-page TIFF, animated GIF and WebP), counted from 0; nil
  /// reads the main picture, which is the first except in some HEIF files.
  public var page: Int?
  /// The part of the upright picture to read, as if there were nothing else; nil: all of it.
  public var part: PixelRect?
  /// Replaces the file's orientation.
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
