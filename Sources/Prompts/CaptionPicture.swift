import Foundation
import Imaging

extension CaptionEndpoint {
  /// The longest side of the picture that is sent, in pixels; vision models use no more.
  private static let side = 1024

  /// The caption of a picture file. The server receives no metadata.
  /// - Throws: `ImagingError` where the picture cannot be read; `CaptionError`;
  ///   `CancellationError`.
  public func callAsFunction(
    file: String, reading: ReadOptions = ReadOptions(), shouldStop: () -> Bool = { false }
  ) throws -> String {
    try self(jpeg: try Self.jpeg(file, reading), shouldStop: shouldStop)
  }

  /// The picture as a JPEG file of at most 1024 pixels a side.
  static func jpeg(_ path: String, _ reading: ReadOptions) throws -> Data {
    var image = try ImageFile.read(path, options: reading).rgb
    let longest = max(image.width, image.height)
    if longest > side {
      func shrunk(_ pixels: Int) -> Int { max(1, pixels * side / longest) }
      image = image.resized(
        toWidth: shrunk(image.width), height: shrunk(image.height), .bicubic)
    }
    image = Image(
      width: image.width, height: image.height, channels: 3, samples: image.samples)
    return try image.encoded(.jpeg)
  }
}
