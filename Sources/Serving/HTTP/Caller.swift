import Foundation
import HTTPTypes

/// Who asks, and for what name, as seen through the proxies that are believed.
struct Caller: Sendable {
  /// nil where the system does not tell it.
  var address: IPAddress?
  /// The host, perhaps with a port, that the client believes to talk to.
  var authority: String
  /// Whether it came over TLS, at least up to the proxy.
  var isSecure = false
  /// Whether a proxy that is believed has passed the request on.
  var isForwarded = false

  /// What is counted of an address is counted by this.
  var subscriber: String { address?.subscriber.description ?? "unknown" }
}

/// The proxies whose word about their clients counts. Anybody may send these headers.
struct TrustedProxies: Sendable {
  let ranges: [AddressRange]

  func caller(peer: IPAddress?, _ head: HTTPRequest) -> Caller {
    var caller = Caller(address: peer, authority: head.authority ?? "")
    guard let peer, isTrusted(peer) else { return caller }
    caller.isForwarded = true
    // Every proxy appends the address that it was asked from: the last one that is no proxy of ours
    // is the client; what is before is hearsay.
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
