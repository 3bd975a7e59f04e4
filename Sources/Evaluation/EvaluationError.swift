import Foundation

/// Why pictures cannot be evaluated, in one line that names the file and the remedy.
public struct EvaluationError: LocalizedError, CustomStringConvertible {
  public let description: String
  public var errorDescription: String? { description }

  public init(_ description: String) { self.description = description }
}
