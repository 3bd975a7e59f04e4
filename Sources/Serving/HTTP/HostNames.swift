import Foundation

/// The host names that a service answers to. A domain that resolves to this machine (DNS rebinding)
/// makes a browser treat a stranger's page as one of the service's; without a token, checking the
/// host name keeps such pages out.
enum HostNames: Sendable {
  /// Any name: without the token, a page gets nowhere.
  case all
  /// Names of the loopback interface.
  case loopback
  /// IP addresses, which need no DNS, and the names of this machine.
  case machine(also: String)

  var isLoopbackOnly: Bool {
    if case .loopback = self { true } else { false }
  }

  /// - Parameter authority: a host, perhaps with a port.
  func isKnown(_ authority: String) -> Bool {
    if Self.isLoopback(authority) { return true }
    switch self {
    case .all: return true
    case .loopback: return false
    case .machine(let name):
      let host = Self.host(of: authority).lowercased()
      let address = host.hasPrefix("[") ? host.dropFirst().dropLast() : host[...]
      return IPAddress(address) != nil || host == name.lowercased() || Self.own.contains(host)
    }
  }

  /// The names of this machine: "box.example", "box", "box.local".
  private static let own: Set<String> = {
    var text = [CChar](repeating: 0, count: 256)
    guard gethostname(&text, text.count - 1) == 0 else { return [] }
    let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      .lowercased()
    let first = String(name.prefix { $0 != "." })
    return first.isEmpty ? [] : [name, first, first + ".local"]
  }()

  /// The host without the port: "[::1]:80" → "[::1]".
  static func host(of authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return String(authority[...end])
    }
    return authority.count(where: { $0 == ":" }) > 1
      ? "[\(authority)]" : String(authority.prefix { $0 != ":" })
  }

  /// Whether a name, with or without a port, is that of the loopback interface.
  static func isLoopback(_ authority: String) -> Bool {
    let host = host(of: authority).lowercased()
    // Excludes domains such as 127.example.org.
    let bytes = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    let isNumeric = bytes.count == 4 && !bytes.contains(nil)
    return host == "localhost" || host == "[::1]" || host.hasSuffix(".localhost")
      || isNumeric && bytes[0] == 127
  }
}
