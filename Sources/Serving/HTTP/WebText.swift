import Files
import Foundation
import Imaging
import NSARM
import Upscaling

/// Errors in words for who uses the service by a browser or by HTTP: no options of a command, no
/// parameters of a library, and no paths of this machine.
enum WebText {
  /// - Parameters:
  ///   - names: what paths are called, such as the picture's file by the name that it came with.
  static func of(_ error: any Error, names: [String: String] = [:]) -> String {
    cleaned(plain(error), names: names)
  }

  private static func plain(_ error: any Error) -> String {
    switch error {
    case ImagingError.tooLarge(let path, let width, let height, let limit):
      // "40 pixels a side; raise it ..."
      "\(path): \(width)x\(height) pixels are more than is taken here, which is"
        + " \(limit.prefix { $0 != ";" })"
    case ImagingError.unreadable(let path, let reason): "\(path): cannot be read (\(reason))"
    case ImagingError.libraryUnavailable: "no picture can be read here now"
    case FileError.diskFull, FileError.noRoom: "the disk of this service is full"
    case let error as any LocalizedError: error.errorDescription ?? "\(error)"
    default: "\(error)"
    }
  }

  /// A text that is for the web, whoever wrote it first: a result's warning, for example.
  static func cleaned(_ text: String, names: [String: String] = [:]) -> String {
    var text = oneLine(text, limit: 1000)
    // The longest first: one may lie in another.
    for (path, name) in names.sorted(by: { $0.key.count > $1.key.count }) {
      text = text.replacing(path, with: name)
    }
    for (theirs, ours) in words { text = text.replacing(theirs, with: ours) }
    // What is left of options goes with the clause that advises them.
    while let advice = text.firstMatch(
      of: #/(?:;|,| \()(?:[^;,()]* )?(?:--[a-z]|[A-Z][a-zA-Z]*Options\.)[^;()]*\)?/#)
    {
      text.removeSubrange(advice.range)
    }
    return oneLine(text)
  }

  private static let words: [(String, String)] = [
    ("(--background, Options.background)", "(background)"),
    ("; --pages (ReadOptions.page) reads the others", ""),
    (" (--batch, --max-memory)", ""),
  ]
}
