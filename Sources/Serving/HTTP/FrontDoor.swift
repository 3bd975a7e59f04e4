import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What every request passes on its way in and every answer on its way out, whatever else happens:
/// who asks, the name by which the request is known, safety, and what is measured and logged.
///
/// Around the router, not in it, since its answers to HEAD are written without what its middlewares
/// add to their bodies.
struct FrontDoor<Inside: HTTPResponder>: HTTPResponder where Inside.Context == ClientContext {
  let inside: Inside
  let proxies: TrustedProxies
  /// Where requests are logged, one a line.
  let log: Logger

  func respond(to request: Request, context: ClientContext) async throws -> Response {
    var context = context
    context.caller = proxies.caller(peer: context.caller.address, request.head)
    let id = RequestName.of(request, isForwarded: context.caller.isForwarded)
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
    for (name, value) in Self.safety { response.headers[name] = value }
    for field in context.notes.headers { response.headers[field.name] = field.value }
    response.headers[.xRequestId] = id
    if response.headers[.contentType] == "text/event-stream" {
      // nginx would keep events until they fill its buffer.
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

  /// Keep browsers from doing more than the app needs.
  private static var safety: [(HTTPField.Name, String)] {
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

/// The name by which a request is known in the log and to who has sent it.
enum RequestName {
  /// That of a proxy that is believed, where it is harmless, or a random one.
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

/// Counts what is sent.
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
