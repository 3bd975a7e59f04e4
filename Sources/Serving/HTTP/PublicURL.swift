import Foundation

/// The public address of the service, if it differs from the one it listens at:
/// "https://photos.example".
public struct PublicURL: Hashable, Sendable {
  public let isSecure: Bool
  /// In lower case; an IPv6 address is in brackets.
  let host: String
  /// nil: the default port of the scheme.
  let port: Int?

  /// - Throws: `PublicURLError`.
  public init(_ text: String) throws {
    guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
      ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
    else {
      throw PublicURLError("'\(text)': must be http://HOST or https://HOST, optionally with a port")
    }
    guard parts.path.isEmpty || parts.path == "/", parts.query == nil, parts.fragment == nil else {
      throw PublicURLError(
        "'\(text)': the service must be at the root of its host; give it a host name of its own")
    }
    guard parts.user == nil, parts.password == nil else {
      throw PublicURLError("'\(text)': must not contain a name and a password")
    }
    isSecure = scheme == "https"
    self.host = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host.lowercased()
    port = parts.port == (isSecure ? 443 : 80) ? nil : parts.port
  }

  /// The origin as browsers send it (RFC 6454).
  var origin: String { "\(isSecure ? "https" : "http")://\(host)\(port.map { ":\($0)" } ?? "")" }
}

/// The reason why a text is not a public URL, in one line.
public struct PublicURLError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

extension PublicURL: CustomStringConvertible {
  public var description: String { origin + "/" }
}
