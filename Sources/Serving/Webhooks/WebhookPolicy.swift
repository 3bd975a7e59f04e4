import Files
import Foundation

/// The policy for webhooks, which notify others of the end of restorations.
public struct WebhookPolicy: Sendable {
  /// The key that signs messages.
  let secret: [UInt8]
  /// Whether addresses of this machine and of private networks are allowed.
  let allowsPrivate: Bool

  /// - Parameter secret: in Standard Webhooks' notation: "whsec_" and 24 to 64 bytes in base64.
  /// - Throws: `InvalidSecret`.
  public init(secret text: String, allowsPrivate: Bool = false) throws {
    let digits = text.hasPrefix("whsec_") ? String(text.dropFirst(6)) : text
    guard let bytes = Data(base64Encoded: digits), (24...64).contains(bytes.count) else {
      throw InvalidSecret()
    }
    secret = Array(bytes)
    self.allowsPrivate = allowsPrivate
  }

  public struct InvalidSecret: LocalizedError, CustomStringConvertible {
    public let description =
      "a webhook secret is whsec_ and 24 to 64 random bytes in base64, for example from"
      + " openssl rand -base64 32"
    public var errorDescription: String? { description }
  }

  /// The signature of a message; see https://www.standardwebhooks.com.
  func signature(id: String, timestamp: Int, body: Data) -> String {
    let text = Data("\(id).\(timestamp).".utf8) + body
    return "v1," + Data(authenticationCode(of: text, key: secret)).base64EncodedString()
  }

  /// Checks the address that a client gave.
  /// - Throws: `InvalidSetting`.
  func check(_ text: String) throws {
    guard let target = WebhookTarget(text) else {
      throw InvalidSetting("webhook: must be an address such as https://example.org/path")
    }
    if !allowsPrivate, let address = IPAddress(target.host), !address.isPublic {
      throw InvalidSetting(
        "webhook: \(target.host) is not a public address, which this service requires")
    }
  }
}

/// The address of a message.
struct WebhookTarget: Equatable {
  let url: String
  /// A name, or an IP address without brackets.
  let host: String
  let port: Int

  /// Fails if the text is not an HTTP URL or contains a name and a password.
  init?(_ text: String) {
    guard text.utf8.count <= 2000, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
      var parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
      ["http", "https"].contains(scheme), parts.user == nil, parts.password == nil,
      let name = parts.host?.lowercased(), !name.isEmpty
    else { return nil }
    host = name.hasPrefix("[") ? String(name.dropFirst().dropLast()) : name
    port = parts.port ?? (scheme == "http" ? 80 : 443)
    // Only hosts that every URL parser reads in the same way are accepted.
    guard
      name.hasPrefix("[") ? IPAddress(host) != nil : host.wholeMatch(of: #/[a-z0-9._-]+/#) != nil,
      (1...65535).contains(port)
    else { return nil }
    (parts.scheme, parts.host, parts.fragment) = (scheme, name, nil)
    guard let url = parts.string else { return nil }
    self.url = url
  }

  /// The addresses that the host resolves to. Queries DNS and blocks the thread.
  func addresses() -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [IPAddress] = []
    var item = list
    while let info = item?.pointee {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      if getnameinfo(
        info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
      {
        let digits = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        if let address = IPAddress(digits), !found.contains(address) { found.append(address) }
      }
      item = info.ai_next
    }
    return found
  }
}

extension IPAddress {
  /// Networks that are not part of the public Internet, or that translate to others: RFC 6890 and
  /// its registries.
  private static let reserved: [AddressRange] = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
    "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
  ].map { AddressRange($0)! }

  /// ::/80, which contains the IPv4-compatible and IPv4-mapped addresses.
  private static let compatible = AddressRange("::/80")!

  /// Whether this is an address of the public Internet, not of this machine or a private network.
  var isPublic: Bool {
    if Self.reserved.contains(where: { $0.contains(self) }) { return false }
    return isVersion4 || !Self.compatible.contains(self)
  }
}
