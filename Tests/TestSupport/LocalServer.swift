import Foundation
import Synchronization

/// An HTTP server on a free port of this machine that gives each connection the response that a
/// test provides.
public final class LocalServer: Sendable {
  public enum Reply: Sendable {
    /// A status and a JSON body.
    case status(Int, String)
    /// Raw bytes instead of a response.
    case raw(String)
    /// No response until the server is closed.
    case silence
  }

  /// The header and the body of a request.
  public struct Request: Sendable {
    public let head: String
    public let body: Data
  }

  public let port: Int
  public var address: String { "http://127.0.0.1:\(port)" }
  private let listener: Int32
  /// Whether `listener` is still open; once closed, its number may be reused for another file.
  private let isOpen = Mutex(true)
  /// Signalled when the responding thread has ended.
  private let ended: DispatchSemaphore

  /// - Parameter answer: the response to a request; requests are numbered from 0.
  public init(_ answer: @escaping @Sendable (_ number: Int, Request) -> Reply) throws {
    #if canImport(Glibc)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    listener = socket(AF_INET, stream, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 16) == 0
          && getsockname(listener, $0, &size) == 0
      }
    }
    guard isBound else { throw FixtureError(description: "no port can be listened to") }
    port = Int(UInt16(bigEndian: address.sin_port))
    let ended = DispatchSemaphore(value: 0)
    let thread = Thread {
      Self.serve(listener, answer)
      ended.signal()
    }
    thread.start()
    self.ended = ended
  }

  /// Closes the server and returns when its port refuses connections.
  public func stop() {
    isOpen.withLock { isOpen in
      guard isOpen else { return }
      isOpen = false
      shutdown(listener, Int32(SHUT_RDWR))
      if ended.wait(timeout: .now() + 10) == .success { close(listener) }
    }
  }

  deinit { stop() }

  private static func serve(_ listener: Int32, _ answer: (Int, Request) -> Reply) {
    var open: [Int32] = []
    var number = 0
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { break }
      guard let request = read(connection) else {
        close(connection)
        continue
      }
      switch answer(number, request) {
      case .status(let status, let body):
        send(
          "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nConnection: close\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)", to: connection)
        close(connection)
      case .raw(let text):
        send(text, to: connection)
        close(connection)
      case .silence: open.append(connection)
      }
      number += 1
    }
    for connection in open { close(connection) }
  }

  private static func read(_ connection: Int32) -> Request? {
    var data = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let end = Data("\r\n\r\n".utf8)
    while true {
      if let range = data.range(of: end) {
        let head = String(decoding: data[..<range.lowerBound], as: UTF8.self)
        let length = head.lowercased().firstMatch(of: #/content-length: *(\d+)/#).flatMap {
          Int($0.1)
        }
        let body = data[range.upperBound...]
        if body.count >= length ?? 0 { return Request(head: head, body: Data(body)) }
      }
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      data.append(contentsOf: buffer[..<count])
    }
  }

  private static func send(_ text: String, to connection: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      #if canImport(Glibc)
        let flags = Int32(MSG_NOSIGNAL)
      #else
        let flags: Int32 = 0
      #endif
      let count = rest.withUnsafeBytes {
        Foundation.send(connection, $0.baseAddress, $0.count, flags)
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// The body of a chat completion.
  public static func completion(_ text: String) -> String {
    let message = ["role": "assistant", "content": text]
    let object =
      ["object": "chat.completion", "choices": [["index": 0, "message": message]]] as [String: Any]
    return String(decoding: try! JSONSerialization.data(withJSONObject: object), as: UTF8.self)
  }
}
