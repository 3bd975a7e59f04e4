import Foundation

/// A setting that makes no sense: "'transformer.heads' is 0; 1 to 256 are allowed". Whoever knows
/// the file puts its name before it.
public struct ConfigurationError: Error, LocalizedError, CustomStringConvertible {
  /// The setting as its file spells it, with the sections that it is in.
  public let key: String
  /// What is wrong with it, such as "is 0; 1 to 256 are allowed".
  public let problem: String

  public var description: String { "'\(key)' \(problem)" }
  public var errorDescription: String? { description }

  public init(key: String, problem: String) {
    self.key = key
    self.problem = problem
  }
}
