import Foundation

/// Why a video could not be restored, in one line.
public struct VideoError: Error, LocalizedError, CustomStringConvertible, Equatable {
  public let description: String
  public var errorDescription: String? { description }

  init(_ description: String) { self.description = description }

  init(_ path: String, _ text: String) { description = "\(path): \(text)" }
}
