import Foundation

/// An invalid setting: "'transformer.heads' is 0; 1 to 256 are allowed". Callers that know the file
/// put its name in front.
public struct ConfigurationError: Error, LocalizedError, CustomStringConvertible {
  /// The setting's key as its file spells it, with its sections.
  public let key: String
  /// The problem, such as "is 0; 1 to 256 are allowed".
  public let problem: String

  public var description: String { "'\(key)' \(problem)" }
  public var errorDescription: String? { description }

  public init(key: String, problem: String) {
    self.key = key
    self.problem = problem
  }
}
