import Foundation

/// Why a file of weights could not be read or written: one line that names the file, the tensor
/// where there is one, what was expected and what was found.
public struct CheckpointError: Error, LocalizedError, CustomStringConvertible {
  /// The file's path.
  public let file: String
  public let reason: String

  public var description: String { "\(file): \(reason)" }
  public var errorDescription: String? { description }

  public init(_ file: String, _ reason: String) {
    self.file = file
    self.reason = reason
  }

  /// A failed system call, in the words of the operating system.
  static func system(_ file: String, _ action: String, _ code: Int32 = errno) -> CheckpointError {
    CheckpointError(file, "\(action): \(String(cString: strerror(code)))")
  }
}

/// `text` on one line, shortened, for messages about names that come out of a file.
func quoted(_ text: String) -> String {
  let clean = text.unicodeScalars.prefix(120).map { scalar -> String in
    scalar.properties.generalCategory == .control
      ? "\\u{\(String(scalar.value, radix: 16))}" : "\(scalar)"
  }
  return "'" + clean.joined() + (text.unicodeScalars.count > 120 ? "...'" : "'")
}
