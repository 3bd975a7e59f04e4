import Foundation

/// A prompt, a file of captions or a text encoder cannot be used. The message is one line with the
/// remedy.
public struct PromptError: Error, LocalizedError, CustomStringConvertible, Equatable, Sendable {
  public let description: String
  public var errorDescription: String? { description }

  public init(_ description: String) { self.description = description }
}
