import Files
import Foundation
import Hummingbird
import Imaging
import NIOCore
import NIOHTTP1
import Upscaling

/// An error as a client hears of it: RFC 9457, `application/problem+json`.
struct Problem: Error, HTTPResponseError, Encodable {
  let status: HTTPResponse.Status
  /// For programs: "queue_full".
  let code: String
  /// For people, in one line.
  let detail: String
  var headers: HTTPFields = [:]

  init(
    _ status: HTTPResponse.Status, _ code: String, _ detail: String, retryAfter: Int? = nil
  ) {
    (self.status, self.code, self.detail) = (status, code, detail)
    if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
  }

  enum CodingKeys: String, CodingKey { case type, title, status, code, detail }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("about:blank", forKey: .type)
    try container.encode(status.reasonPhrase, forKey: .title)
    try container.encode(status.code, forKey: .status)
    try container.encode(code, forKey: .code)
    try container.encode(detail, forKey: .detail)
  }

  func response(from request: Request, context: some RequestContext) throws -> Response {
    var headers = headers
    headers[.contentType] = "application/problem+json"
    headers[.cacheControl] = "no-store"
    return Response(
      status: status, headers: headers,
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: try JSONEncoder.api.encode(self))))
  }

  /// Whether the service works as it should and says so: it is full, or is ending.
  var isRefusal: Bool { ["queue_full", "too_many_uploads", "shutting_down"].contains(code) }

  static let missing = Problem(.notFound, "not_found", "there is no such restoration (any more)")

  /// What an error of ours means to a client.
  init(_ error: any Error) {
    switch error {
    case let error as Problem: self = error
    case let error as InvalidSetting:
      self.init(.unprocessableContent, "invalid_setting", error.description)
    case let error as ModelShelfError:
      self.init(.unprocessableContent, "invalid_setting", error.description)
    case JobError.queueFull(let limit):
      self.init(
        .serviceUnavailable, "queue_full",
        "\(limit) restorations are waiting already; try again later", retryAfter: 10)
    case JobError.missing: self = .missing
    case JobError.ended(let state):
      let text = state == "cancelled" ? "been cancelled" : state
      self.init(.conflict, "ended", "the restoration has \(text) already")
    case JobError.active(let state):
      self.init(
        .conflict, "active", "the restoration \(state == "queued" ? "waits" : "is under way")")
    case _ where tellsOfFullDisk(error): self = .diskFull
    case is DatabaseFailure, is DeadlinePassed:
      self.init(
        .serviceUnavailable, "unavailable", "the queue cannot be reached; try again later",
        retryAfter: 10)
    case is HTTPParserError:
      self.init(.badRequest, "malformed", "the request ends early or is not as HTTP/1.1 wants it")
      headers[.connection] = "close"
    case let error as ImagingError:
      self.init(.unprocessableContent, "not_a_picture", WebText.of(error))
    case is CancellationError:
      self.init(
        .serviceUnavailable, "shutting_down", "the service is ending; try again later",
        retryAfter: 10)
    case let error as HTTPError:
      self.init(error.status, Self.code(error.status), Self.detail(error))
      headers = error.headers
    // One of the server's own, such as a body that is too long.
    case let error as any HTTPResponseError:
      self.init(error.status, Self.code(error.status), error.status.reasonPhrase)
    case is IOError, is ChannelError:
      self.init(.badRequest, "malformed", "the request ends early")
    default:
      self.init(.internalServerError, "internal", "something went wrong here; the log tells what")
    }
  }

  private static let diskFull = Problem(
    .init(code: 507, reasonPhrase: "Insufficient Storage"), "disk_full",
    "the disk of this service is full; nothing was kept")

  private static func code(_ status: HTTPResponse.Status) -> String {
    status.reasonPhrase.lowercased().replacing(" ", with: "_")
  }

  private static func detail(_ error: HTTPError) -> String {
    error.body.map { oneLine($0) }
      ?? (error.status == .notFound
        ? "there is nothing at this address"
        : error.status.reasonPhrase)
  }
}

/// Every error becomes a problem; those that are not the client's fault are logged.
struct ProblemMiddleware: RouterMiddleware {
  func handle(
    _ request: Request, context: ClientContext,
    next: (Request, ClientContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      if Self.isAbandoned(error) {
        context.notes.abandon()
        context.logger.debug("the client has gone: \(oneLine("\(error)"))")
      }
      let problem = Problem(error)
      if problem.status.code >= 500, !problem.isRefusal, !context.notes.isAbandoned {
        context.logger.error("\(request.method) \(request.uri.path): \(oneLine("\(error)"))")
      }
      return try problem.response(from: request, context: context)
    }
  }

  /// Whether the client has gone before its request had come whole.
  private static func isAbandoned(_ error: any Error) -> Bool {
    switch error {
    case HTTPParserError.invalidEOFState, HTTPParserError.closedConnection: true
    case is IOError, is ChannelError: true
    default: false
    }
  }
}
