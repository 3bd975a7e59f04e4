import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// The outermost responder: identifies the client and the request, adds security headers,
/// compresses, measures and logs.
///
/// It wraps the router instead of being a middleware, since the router's responses to HEAD do not
/// include what middlewares add to their bodies.
struct ServiceResponder<Inside: HTTPResponder>: HTTPResponder
where Inside.Context == ClientContext {
  let inside: Inside
  let proxies: TrustedProxies
  /// Logs each request in a line.
  let log: Logger

  func respond(to request: Request, context: ClientContext) async throws -> Response {
    var context = context
    context.caller = proxies.caller(peer: context.caller.address, request.head)
    let id = RequestID.of(request, isForwarded: context.caller.isForwarded)
    context.logger[metadataKey: "hb.request.id"] = nil
    context.logger[metadataKey: "request"] = "\(id)"
    let record = RequestRecord(request, context, id: id, log: log)
    var response: Response
    do {
      response = try await inside.respond(to: request, context: context)
    } catch {
      response = try Problem(error).response(from: request, context: context)
    }
    response = await Compression.compressed(response, for: request)
    for (name, value) in Self.securityHeaders { response.headers[name] = value }
    for field in context.notes.headers { response.headers[field.name] = field.value }
    response.headers[.xRequestId] = id
    if response.headers[.contentType] == "text/event-stream" {
      // Keeps nginx from buffering events.
      response.headers[.xAccelBuffering] = "no"
    }
    record.answered(
      context.notes.isAbandoned ? RequestRecord.abandoned : response.status.code,
      route: context.endpointPath)
    guard response.body.contentLength != 0 else { return response }
    let body = response.body
    response.body = ResponseBody(contentLength: body.contentLength) { writer in
      defer { record.finish() }
      try await body.write(CountingWriter(writer: writer, record: record))
    }
    return response
  }

  /// Headers that restrict browsers to what the app needs.
  private static var securityHeaders: [(HTTPField.Name, String)] {
    [
      (
        .contentSecurityPolicy,
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none';"
          + " form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
      ),
      (.xContentTypeOptions, "nosniff"), (HTTPField.Name("Referrer-Policy")!, "no-referrer"),
      (HTTPField.Name("Cross-Origin-Resource-Policy")!, "same-origin"),
    ]
  }
}

/// The identifier of a request in the log and in the response.
enum RequestID {
  /// The identifier that a trusted proxy sent, if it is well formed; otherwise a random one.
  static func of(_ request: Request, isForwarded: Bool) -> String {
    if isForwarded, let given = request.headers[.xRequestId], isHarmless(given) { return given }
    let number = UInt64.random(in: 0...UInt64.max)
    return String(number & 0xffff_ffff_ffff | 1 << 48, radix: 16)
  }

  private static func isHarmless(_ text: String) -> Bool {
    (1...100).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
          || [UInt8]("-_.".utf8).contains($0)
      }
  }
}

/// Counts the bytes that are sent.
private struct CountingWriter: ResponseBodyWriter {
  var writer: any ResponseBodyWriter
  let record: RequestRecord

  mutating func write(_ buffer: ByteBuffer) async throws {
    try await writer.write(buffer)
    record.sent(buffer.readableBytes)
  }

  consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
    try await writer.finish(trailingHeaders)
  }
}
