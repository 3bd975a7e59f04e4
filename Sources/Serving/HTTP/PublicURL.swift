import Foundation

/// Where the world finds the service, when that is not where it listens: "https://photos.example".
public struct PublicURL: Hashable, Sendable {
  public let isSecure: Bool
  /// In small letters; of version 6 in brackets.
  let host: String
  /// nil: that of the scheme.
  let port: Int?

  /// - Throws: `PublicURLError`.
  public init(_ text: String) throws {
    guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
      ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
    else {
      throw PublicURLError("'\(text)': http://HOST or https://HOST is wanted, perhaps with a port")
    }
    guard parts.path.isEmpty || parts.path == "/", parts.query == nil, parts.fragment == nil else {
      throw PublicURLError(
        "'\(text)': the service is at the root of its host; give it a host name of its own")
    }
    guard parts.user == nil, parts.password == nil else {
      throw PublicURLError("'\(text)': a name and a password do not belong into it")
    }
    isSecure = scheme == "https"
    self.host = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host.lowercased()
    port = parts.port == (isSecure ? 443 : 80) ? nil : parts.port
  }

  /// As browsers send it (RFC 6454).
  var origin: String { "\(isSecure ? "https" : "http")://\(host)\(port.map { ":\($0)" } ?? "")" }
}

/// Why a text is no address to be found at, in one line.
public struct PublicURLError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

extension PublicURL: CustomStringConvertible {
  public var description: String { origin + "/" }
}
