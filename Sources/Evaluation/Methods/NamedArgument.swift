/// A value with a user-defined name: `NAME=FOLDER`, `NAME=COMMAND`.
public struct NamedArgument: Sendable, Equatable {
  public let name, value: String

  /// - Parameter form: the expected form, for the message.
  /// - Throws: `EvaluationError` where the text has no name or no value.
  public init(_ text: String, form: String = "NAME=FOLDER") throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
      throw EvaluationError("'\(text)' is not \(form)")
    }
    (name, value) = (String(parts[0]), String(parts[1]))
  }
}
