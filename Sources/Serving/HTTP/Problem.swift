import Files
import Foundation
import Hummingbird
import Imaging
import NIOCore
import NIOHTTP1
import Upscaling

/// An error response: RFC 9457, `application/problem+json`.
struct Problem: Error, HTTPResponseError, Encodable {
  let status: HTTPResponse.Status
  /// A code for programs, such as "queue_full".
  let code: String
  /// An explanation for people, in one line.
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

  /// Whether the service refuses work as intended: it is full or is shutting down.
  var isRefusal: Bool { ["queue_full", "too_many_uploads", "shutting_down"].contains(code) }

  static let missing = Problem(.notFound, "not_found", "there is no such restoration")

  /// The response to an error that was thrown.
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
        "\(limit) restorations are queued already; try again later", retryAfter: 10)
    case JobError.missing: self = .missing
    case JobError.ended(let state):
      let text = state == "cancelled" ? "been cancelled" : state
      self.init(.conflict, "ended", "the restoration has \(text) already")
    case JobError.active(let state):
      self.init(
        .conflict, "active", "the restoration is \(state == "queued" ? "queued" : "running")")
    case _ where tellsOfFullDisk(error): self = .diskFull
    case is DatabaseFailure, is DeadlinePassed:
      self.init(
        .serviceUnavailable, "unavailable", "the queue is unreachable; try again later",
        retryAfter: 10)
    case is HTTPParserError:
      self.init(.badRequest, "malformed", "the request ends early or does not conform to HTTP/1.1")
      headers[.connection] = "close"
    case let error as ImagingError:
      self.init(.unprocessableContent, "not_a_picture", WebText.of(error))
    case is CancellationError:
      self.init(
        .serviceUnavailable, "shutting_down", "the service is shutting down; try again later",
        retryAfter: 10)
    case let error as HTTPError:
      self.init(error.status, Self.code(error.status), Self.detail(error))
      headers = error.headers
    // Errors of the server itself, such as a body that is too long.
    case let error as any HTTPResponseError:
      self.init(error.status, Self.code(error.status), error.status.reasonPhrase)
    case is IOError, is ChannelError:
      self.init(.badRequest, "malformed", "the request ends early")
    default:
      self.init(
        .internalServerError, "internal", "an internal error occurred; see the service's log")
    }
  }

  private static let diskFull = Problem(
    .init(code: 507, reasonPhrase: "Insufficient Storage"), "disk_full",
    "the disk of this service is full; nothing was stored")

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

/// Turns errors into problems and logs those that are not the client's fault.
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
        context.logger.debug("the client disconnected: \(oneLine("\(error)"))")
      }
      let problem = Problem(error)
      if problem.status.code >= 500, !problem.isRefusal, !context.notes.isAbandoned {
        context.logger.error("\(request.method) \(request.uri.path): \(oneLine("\(error)"))")
      }
      return try problem.response(from: request, context: context)
    }
  }

  /// Whether the client disconnected before its request was complete.
  private static func isAbandoned(_ error: any Error) -> Bool {
    switch error {
    case HTTPParserError.invalidEOFState, HTTPParserError.closedConnection: true
    case is IOError, is ChannelError: true
    default: false
    }
  }
}
