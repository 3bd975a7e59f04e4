import Files
import Foundation
import Imaging

extension CaptionEndpoint {
  /// The longest side of what is sent, in pixels: vision models see no more.
  private static let side = 1024

  /// The caption of a picture file, of which the server receives no metadata.
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
    return try TemporaryFolder.with { folder in
      let file = folder + "/picture.jpg"
      try image.write(to: file)
      return try Data(contentsOf: URL(fileURLWithPath: file))
    }
  }
}
