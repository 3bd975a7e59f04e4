import Foundation
import HTTPTypes

/// The client of a request and the name that it addresses, as reported by trusted proxies.
struct Caller: Sendable {
  /// nil if the system does not report it.
  var address: IPAddress?
  /// The host, perhaps with a port, that the client addresses.
  var authority: String
  /// Whether the request was made over TLS, at least as far as the proxy.
  var isSecure = false
  /// Whether a trusted proxy forwarded the request.
  var isForwarded = false

  /// The key under which limits count the client's requests.
  var subscriber: String { address?.subscriber.description ?? "unknown" }
}

/// The proxies whose `X-Forwarded-` headers are believed, since any client can send these.
struct TrustedProxies: Sendable {
  let ranges: [AddressRange]

  func caller(peer: IPAddress?, _ head: HTTPRequest) -> Caller {
    var caller = Caller(address: peer, authority: head.authority ?? "")
    guard let peer, isTrusted(peer) else { return caller }
    caller.isForwarded = true
    // Each proxy appends the address of its peer. The client is the last address that is not a
    // trusted proxy; addresses before it may be forged.
    for text in Self.list(head.headerFields[.xForwardedFor]).reversed() {
      guard let address = IPAddress(forwarded: text) else { break }
      caller.address = address
      if !isTrusted(address) { break }
    }
    if let host = Self.list(head.headerFields[.xForwardedHost]).first { caller.authority = host }
    let scheme = Self.list(head.headerFields[.xForwardedProto]).first
    caller.isSecure = scheme?.lowercased() == "https"
    return caller
  }

  private func isTrusted(_ address: IPAddress) -> Bool {
    ranges.contains { $0.contains(address) }
  }

  private static func list(_ field: String?) -> [String] {
    (field ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }
}

extension HTTPField.Name {
  static let xForwardedFor = HTTPField.Name("X-Forwarded-For")!
  static let xForwardedHost = HTTPField.Name("X-Forwarded-Host")!
  static let xForwardedProto = HTTPField.Name("X-Forwarded-Proto")!
  static let xRequestId = HTTPField.Name("X-Request-Id")!
  static let xAccelBuffering = HTTPField.Name("X-Accel-Buffering")!
  static let rateLimitLimit = HTTPField.Name("RateLimit-Limit")!
  static let rateLimitRemaining = HTTPField.Name("RateLimit-Remaining")!
  static let rateLimitReset = HTTPField.Name("RateLimit-Reset")!
}
