import ArgumentParser
import Foundation

/// The token of a service: the option of the service and of its clients.
struct TokenOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file with the service's token (default: the token that $NSARM_TOKEN holds).",
      valueName: "file"))
  var tokenFile: String?

  init() {}

  /// The token that is given; nil: none.
  /// - Throws: `ValidationError` where the file cannot be read.
  func token() throws -> String? {
    try secret(inFile: tokenFile, orVariable: "NSARM_TOKEN", "the token")
  }
}

/// A secret in a file, without the space around it, or in a variable of the environment.
/// - Parameter name: the words for the secret in the error.
/// - Returns: nil where neither is given.
/// - Throws: `ValidationError` where the file cannot be read.
func secret(inFile file: String?, orVariable variable: String, _ name: String) throws -> String? {
  if let file {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw ValidationError("\(file): cannot be read; it holds \(name), and nothing else")
    }
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
  let text = ProcessInfo.processInfo.environment[variable]
  return text.flatMap { $0.isEmpty ? nil : $0 }
}
