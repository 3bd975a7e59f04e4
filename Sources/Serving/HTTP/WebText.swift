import Files
import Foundation
import Imaging
import NSARM
import Upscaling

/// Error messages for users of the browser and the HTTP API: without options of the command,
/// parameters of the library or paths of this machine.
enum WebText {
  /// - Parameter names: replacements for paths, such as the uploaded file's name for that of its
  ///   temporary file.
  static func of(_ error: any Error, names: [String: String] = [:]) -> String {
    cleaned(plain(error), names: names)
  }

  private static func plain(_ error: any Error) -> String {
    switch error {
    case ImagingError.tooLarge(let path, let width, let height, let limit):
      "\(path): \(width)x\(height) pixels exceed the limit of this service, which is \(limit)"
    case ImagingError.noTransparency(let path, let format):
      "\(path): \(format) stores no transparency; choose PNG, or put a colour behind the picture"
        + " (background)"
    case ImagingError.unreadable(let path, let reason): "\(path): cannot be read (\(reason))"
    case ImagingError.libraryUnavailable: "pictures cannot be read at the moment"
    case FileError.diskFull, FileError.noRoom: "the disk of this service is full"
    case let error as any LocalizedError: error.errorDescription ?? "\(error)"
    default: "\(error)"
    }
  }

  /// Makes a text from any source, such as a warning about a result, fit for the web.
  static func cleaned(_ text: String, names: [String: String] = [:]) -> String {
    var text = oneLine(text, limit: 1000)
    // Longest first, since one path may contain another.
    for (path, name) in names.sorted(by: { $0.key.count > $1.key.count }) {
      text = text.replacing(path, with: name)
    }
    return oneLine(text)
  }
}
