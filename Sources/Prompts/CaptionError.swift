import Foundation

/// A caption could not be obtained. The message is one line with the remedy.
public enum CaptionError: LocalizedError, CustomStringConvertible, Equatable, Sendable {
  /// A text that is not the address of a server.
  case address(String)
  case unreachable(URL, String)
  case refused(URL, status: Int, String)
  /// An answer without a caption.
  case unusable(URL, String)

  public var description: String {
    switch self {
    case .address(let text):
      "'\(text)' is not the address of a server; expected: http://HOST:PORT"
    case .unreachable(let url, let reason):
      "\(url): cannot be reached (\(reason)); start the server or correct the address"
    case .refused(let url, let status, let words):
      "\(url): answers with status \(status) (\(words))\(Self.remedy(status))"
    case .unusable(let url, let problem):
      "\(url): the answer \(problem); is it a server for chats with a vision model?"
    }
  }

  public var errorDescription: String? { description }

  /// Whether the error would occur for every picture.
  public var concernsAllPictures: Bool {
    switch self {
    case .address, .unreachable: true
    case .refused(_, let status, _): [401, 403, 404, 405].contains(status)
    case .unusable: false
    }
  }

  /// Whether the same request may succeed later.
  var isTransient: Bool {
    switch self {
    case .address, .unusable: false
    case .unreachable: true
    case .refused(_, let status, _): [408, 425, 429].contains(status) || status >= 500
    }
  }

  private static func remedy(_ status: Int) -> String {
    switch status {
    case 401, 403: ""
    case 404, 405: "; correct the address or the model's name"
    case 413: "; let the server accept larger requests"
    case 429: "; wait, or let fewer programs ask at once"
    default: "; see the server's log"
    }
  }
}
