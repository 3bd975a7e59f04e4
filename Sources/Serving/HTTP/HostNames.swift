import Foundation

/// The names by which a service is asked. A name that leads here by somebody's DNS makes a browser
/// take a stranger's page for one of the service's; where no token keeps the page out, its name
/// does.
enum HostNames: Sendable {
  /// Any: who has no token gets nowhere.
  case all
  /// Those of this machine for itself.
  case loopback
  /// Addresses, which no DNS gives away, and names of this machine.
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

  /// What this machine calls itself: "box.example", "box", "box.local".
  private static let own: Set<String> = {
    var text = [CChar](repeating: 0, count: 256)
    guard gethostname(&text, text.count - 1) == 0 else { return [] }
    let name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      .lowercased()
    let first = String(name.prefix { $0 != "." })
    return first.isEmpty ? [] : [name, first, first + ".local"]
  }()

  /// Without the port: "[::1]:80" → "[::1]".
  static func host(of authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return String(authority[...end])
    }
    return authority.count(where: { $0 == ":" }) > 1
      ? "[\(authority)]" : String(authority.prefix { $0 != ":" })
  }

  /// Whether a name, with a port or without, is this machine's for itself.
  static func isLoopback(_ authority: String) -> Bool {
    let host = host(of: authority).lowercased()
    // 127.example.org is somebody's name.
    let bytes = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    let isNumeric = bytes.count == 4 && !bytes.contains(nil)
    return host == "localhost" || host == "[::1]" || host.hasSuffix(".localhost")
      || isNumeric && bytes[0] == 127
  }
}
