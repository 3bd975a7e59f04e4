import Foundation

/// The reason why a video could not be restored, in one line.
public struct VideoError: Error, LocalizedError, CustomStringConvertible, Equatable {
  public let description: String
  public var errorDescription: String? { description }

  /// Whether the file is a picture.
  public let isPicture: Bool

  init(_ description: String) {
    self.description = description
    isPicture = false
  }

  init(_ path: String, _ text: String, isPicture: Bool = false) {
    description = "\(path): \(text)"
    self.isPicture = isPicture
  }
}
