import Foundation

/// An IP address. An IPv4 address received through an IPv6 socket equals one received through an
/// IPv4 socket.
public struct IPAddress: Hashable, Sendable {
  /// 16 bytes; IPv4 addresses are mapped: ::ffff:a.b.c.d.
  fileprivate let bytes: [UInt8]

  private static let version4 = [UInt8](repeating: 0, count: 10) + [0xff, 0xff]

  fileprivate init(bytes: [UInt8]) { self.bytes = bytes }

  /// - Parameter text: "192.0.2.1", "2001:db8::1", "fe80::1%eth0".
  public init?(_ text: some StringProtocol) {
    var four = in_addr()
    var six = in6_addr()
    let text = String(text.prefix { $0 != "%" })
    if inet_pton(AF_INET, text, &four) == 1 {
      bytes = Self.version4 + withUnsafeBytes(of: &four, Array.init)
    } else if inet_pton(AF_INET6, text, &six) == 1 {
      bytes = withUnsafeBytes(of: &six, Array.init)
    } else {
      return nil
    }
  }

  /// - Parameter text: the address in a proxy's notation, perhaps with a port: "192.0.2.1:80",
  ///   "[::1]:80".
  init?(forwarded text: some StringProtocol) {
    let text = text.trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
    if text.hasPrefix("[") {
      self.init(text.dropFirst().prefix { $0 != "]" })
    } else if text.count(where: { $0 == ":" }) == 1 {
      self.init(text.prefix { $0 != ":" })
    } else {
      self.init(text)
    }
  }

  var isVersion4: Bool { bytes.starts(with: Self.version4) }

  /// The addresses of one subscriber: an IPv4 address or a /64 network of IPv6.
  var subscriber: IPAddress {
    isVersion4 ? self : IPAddress(bytes: bytes.prefix(8) + [UInt8](repeating: 0, count: 8))
  }
}

extension IPAddress: CustomStringConvertible {
  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let native = isVersion4 ? Array(bytes.suffix(4)) : bytes
    inet_ntop(isVersion4 ? AF_INET : AF_INET6, native, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// Addresses with a common prefix: "10.0.0.0/8", "2001:db8::/32", "127.0.0.1".
public struct AddressRange: Hashable, Sendable {
  private let first: IPAddress
  /// The length of the prefix of the IPv6 form.
  private let bits: Int

  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let first = IPAddress(parts[0]) else { return nil }
    let (width, most) = first.isVersion4 ? (96, 32) : (0, 128)
    guard let bits = parts.count == 2 ? Int(parts[1]) : most, (0...most).contains(bits) else {
      return nil
    }
    (self.first, self.bits) = (first, width + bits)
  }

  public func contains(_ address: IPAddress) -> Bool {
    let (whole, rest) = bits.quotientAndRemainder(dividingBy: 8)
    guard address.bytes.prefix(whole) == first.bytes.prefix(whole) else { return false }
    return rest == 0 || (address.bytes[whole] ^ first.bytes[whole]) >> (8 - rest) == 0
  }
}
