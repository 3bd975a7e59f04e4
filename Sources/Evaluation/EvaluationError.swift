import Foundation

/// Pictures cannot be evaluated. The message is one line that names the file and the remedy.
public struct EvaluationError: LocalizedError, CustomStringConvertible {
  /// The kinds of errors that have a remedy beyond the file that they name.
  public enum Kind: Sendable {
    /// The folder of the report holds another one.
    case otherReport
    /// The folder of the report is in use.
    case reportInUse
    /// Every metric that could be computed needs originals.
    case noReferences
    /// The model or the pictures do not allow a variant of the model; nil: any but those of its
    /// tokenizer.
    case variant(Restorer.Variant?)
    case other
  }

  public let description: String
  public let kind: Kind
  public var errorDescription: String? { description }

  public init(_ description: String, _ kind: Kind = .other) {
    self.description = description
    self.kind = kind
  }
}
