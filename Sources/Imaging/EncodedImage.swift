import Files
import Foundation

extension Image {
  /// The picture encoded as a file in memory.
  /// - Throws: `ImagingError`; `FileError` where there is no space for temporary files.
  package func encoded(
    _ format: ImageFormat, _ options: EncodingOptions = EncodingOptions()
  ) throws -> Data {
    try TemporaryFolder.with { folder in
      let path = "\(folder)/picture.\(format.fileExtensions[0])"
      try write(to: path, format: format, options: options)
      return try Data(contentsOf: URL(fileURLWithPath: path))
    }
  }
}
