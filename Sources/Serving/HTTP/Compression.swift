import CZlib
import Foundation
import Hummingbird
import NIOCore
import Synchronization

/// Compresses JSON responses with gzip (RFC 9110, section 8.4.1.3) if the client accepts it.
/// Pictures are compressed already, and events must not be buffered.
enum Compression {
  private static let types: Set = ["application/json", "application/problem+json"]
  /// Shorter bodies are not worth it.
  private static let fewest = 1000

  static func compressed(_ response: Response, for request: Request) async -> Response {
    guard let type = response.headers[.contentType], types.contains(type) else { return response }
    var response = response
    response.headers[.vary] = "Accept-Encoding"
    // Partial content and responses with a strong entity tag must not change.
    guard let count = response.body.contentLength, count >= fewest, response.headers[.eTag] == nil,
      response.headers[.contentEncoding] == nil, takesGzip(request)
    else { return response }
    let collector = Collector()
    guard (try? await response.body.write(collector)) != nil else { return response }
    let bytes = collector.bytes
    guard let smaller = try? await BlockingWork.run({ gzip(bytes) }), !smaller.isEmpty
    else { return response }
    response.body = ResponseBody(byteBuffer: ByteBuffer(bytes: smaller))
    response.headers[.contentEncoding] = "gzip"
    return response
  }

  private static func takesGzip(_ request: Request) -> Bool {
    (request.headers[.acceptEncoding] ?? "").lowercased().split(separator: ",").contains { item in
      let parts = item.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
      guard ["gzip", "*"].contains(parts.first ?? "") else { return false }
      let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
      return quality.flatMap { Double($0.dropFirst(2)) } ?? 1 > 0
    }
  }

  /// The bytes in gzip's format (RFC 1952); empty if memory is exhausted.
  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var (bytes, stream) = (bytes, z_stream())
    // Adding 16 to the window size selects gzip's header instead of zlib's.
    guard
      deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return [] }
    defer { deflateEnd(&stream) }
    var result = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
    let count = result.count
    bytes.withUnsafeMutableBufferPointer { input in
      result.withUnsafeMutableBufferPointer { output in
        (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
        (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(count))
        _ = deflate(&stream, Z_FINISH)
      }
    }
    return Array(result.prefix(count - Int(stream.avail_out)))
  }

  /// Collects the body of a response.
  private final class Collector: ResponseBodyWriter, Sendable {
    private let buffer = Mutex<[UInt8]>([])

    var bytes: [UInt8] { buffer.withLock { $0 } }

    func write(_ more: ByteBuffer) async throws {
      buffer.withLock { $0 += more.readableBytesView }
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
  }
}
