import Files
import Foundation
import Imaging

/// An error in one line, with the command's option where the library names its own parameter.
///
/// - Parameter skips: whether the command has `--skip-existing`.
func errorText(_ error: any Error, skips: Bool = false) -> String {
  let text: String
  switch error {
  case FileError.exists(let path):
    text =
      "\(path): exists already; --overwrite replaces it, "
      + (skips ? "--skip-existing leaves it as it is" : "or choose another name")
  case ImagingError.tooLarge(let path, let width, let height, let limit):
    // The limit itself, without the remedy that follows it.
    text =
      "\(path): \(width)x\(height) pixels exceed the limit of \(limit.prefix { $0 != ";" })"
      + (skips ? "; --max-pixels \(width * height) allows it" : "")
  case ImagingError.missing(let path) where path.contains("\u{FFFD}"):
    // What arguments become whose bytes are no UTF-8.
    text = "\(path): no such file; names that are not UTF-8 cannot be given, rename the file"
  case let error as any LocalizedError where error.errorDescription != nil:
    text = error.errorDescription!
  case let error as any CustomStringConvertible:
    text = error.description
  default:
    text = error.localizedDescription
  }
  return AddressSpace.explained(text.split(whereSeparator: \.isNewline).joined(separator: " "))
}
