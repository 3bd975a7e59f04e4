import Foundation
import TestSupport

/// A raw connection to a service, on which a test sends and receives any bytes. Unchecked: calls
/// are serial.
final class Connection: @unchecked Sendable {
  private let socket: Int32
  private let queue = DispatchQueue(label: "connection")
  private var received = Data()

  convenience init(_ service: TestService) throws { try self.init(port: service.port) }

  init(port: Int) throws {
    socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
    }
    guard status == 0 else { throw FixtureError(description: "no connection") }
    // A test that waits forever reports nothing.
    var limit = timeval(tv_sec: 120, tv_usec: 0)
    setsockopt(
      socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(socket) }

  private func perform<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws
    -> Value
  {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result(catching: body)) }
    }
  }

  func send(_ text: String) async throws { try await send(Data(text.utf8)) }

  func send(_ data: Data) async throws {
    try await perform { [socket] in
      var rest = data[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes {
          Foundation.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { throw FixtureError(description: "the service has hung up") }
        rest = rest.dropFirst(count)
      }
    }
  }

  /// The bytes received up to and including `mark`, or until the service has closed the connection.
  func read(until mark: String) async throws -> String {
    try await perform { [self] in
      while true {
        if let found = received.range(of: Data(mark.utf8)) {
          defer { received = Data(received[found.upperBound...]) }
          return String(decoding: received[..<found.upperBound], as: UTF8.self)
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(socket, &buffer, buffer.count, 0)
        if count < 0 { throw FixtureError(description: "nothing comes") }
        if count == 0 {
          defer { received = Data() }
          return String(decoding: received, as: UTF8.self)
        }
        received += buffer[..<count]
      }
    }
  }

  /// A header and as many bytes as it announces.
  func answer() async throws -> (head: String, body: Data) {
    let head = try await read(until: "\r\n\r\n")
    let length = head.lowercased().firstMatch(of: #/content-length: *(\d+)/#).flatMap { Int($0.1) }
    return (head, try await bytes(length ?? 0))
  }

  private func bytes(_ count: Int) async throws -> Data {
    try await perform { [self] in
      while received.count < count {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let more = recv(socket, &buffer, buffer.count, 0)
        guard more > 0 else { throw FixtureError(description: "the body is cut short") }
        received += buffer[..<more]
      }
      defer { received = Data(received.dropFirst(count)) }
      return Data(received.prefix(count))
    }
  }

  /// Closes the connection abruptly, as when a process is killed.
  func vanish() async throws {
    try await perform { [socket] in
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(
        socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Foundation.linger>.size))
      shutdown(socket, Int32(SHUT_RDWR))
    }
  }

  /// Ends sending, and waits.
  func endSending() async throws {
    try await perform { [socket] in _ = shutdown(socket, Int32(SHUT_WR)) }
  }
}

/// Waits until a condition holds, for as long as a slow machine may take.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
  for _ in 0..<600 {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(100))
  }
  return false
}
