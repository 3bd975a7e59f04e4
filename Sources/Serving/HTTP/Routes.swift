import Files
import Foundation
import HTTPTypes
import Hummingbird
import Metrics
import Upscaling

/// The API, version 1; `openapi.json` describes it.
struct Routes: Sendable {
  let store: JobStore
  let service: ServiceDescription
  let models: ModelShelf
  let limits: ServiceLimits
  let access: Access
  let shutdown: Shutdown
  let status: ServiceStatus
  /// Limits the pictures that an address may send; nil: no limit.
  let rateLimit: RateLimit?
  let slots: UploadSlots
  let events: EventStream
  let pictures: PictureResponse
  let archive: ArchiveResponse
  /// Limits the uploads that are decoded and checked concurrently.
  let inspections = AsyncSemaphore(4)

  func add(to router: Router<ClientContext>) {
    let open = router.group().add(middleware: AccessMiddleware(access: access, needsToken: false))
    let api = router.group("v1").add(middleware: AccessMiddleware(access: access, needsToken: true))

    status.add(to: open) { try access.check($0, $1) }
    for file in WebApp.files {
      open.route(RouterPath(file.name), [.get: { request, _ in file.response(to: request) }])
      if file.name == "index.html" {
        open.route("", [.get: { request, _ in file.response(to: request) }])
      }
    }
    open.route(
      "v1/session",
      [
        .post: { request, context in try await signIn(request, context) },
        .delete: { request, context in
          Response(
            status: .noContent, headers: [.setCookie: access.signOut(request, context)])
        },
      ])
    api.route(
      "service",
      [
        .get: { _, _ in
          var service = service
          service.workers = try await status.workersAlive?() ?? 0
          return try Response(service)
        }
      ])
    api.route(
      "events",
      [
        .get: { request, _ in
          events.all(after: request.headers[HTTPField.Name("Last-Event-ID")!].flatMap { Int($0) })
        }
      ])
    api.route("archive", [.get: { request, _ in try await archive.response(to: request) }])
    api.route(
      "restorations",
      [
        .get: { request, _ in try await list(request) },
        .post: { request, context in try await submit(request, context) },
        .delete: { _, _ in
          try await store.removeFinished()
          return Response(status: .noContent)
        },
      ])
    api.route(
      "restorations/:id",
      [
        .get: { _, context in try Response(RestorationResponse(job: try await job(context))) },
        .delete: { _, context in
          try await store.remove(try id(context))
          return Response(status: .noContent)
        },
      ])
    api.route(
      "restorations/:id/cancel",
      [
        .post: { _, context in
          try await store.cancel(try id(context))
          return try Response(RestorationResponse(job: try await job(context)))
        }
      ])
    api.route(
      "restorations/:id/again",
      [.post: { request, context in try await again(request, context) }])
    api.route(
      "restorations/:id/retry",
      [
        .post: { _, context in
          try await store.retry(try id(context))
          return try Response(
            RestorationResponse(job: try await job(context)), status: .accepted)
        }
      ])
    api.route(
      "restorations/cancel",
      [.post: { _, _ in try Response(RestorationCount(count: try await store.cancelAll())) }])
    api.route(
      "restorations/retry",
      [.post: { _, _ in try Response(RestorationCount(count: try await store.retryAll())) }])
    api.route(
      "restorations/:id/events",
      [
        .get: { _, context in
          events.one(try await job(context).id)
        }
      ])
    api.route(
      "restorations/:id/input",
      [
        .get: { request, context in
          try await picture(try await job(context), .input, request)
        }
      ])
    api.route(
      "restorations/:id/result",
      [
        .get: { request, context in
          let job = try await job(context)
          guard job.state == .succeeded else {
            throw Problem(
              .conflict, "no_result", "the restoration has no result: it is \(job.state)")
          }
          return try await picture(job, .result, request)
        }
      ])
    api.route(
      "restorations/:id/preview",
      [
        .get: { _, context in
          try await pictures.preview(try await job(context))
        }
      ])
  }

  private func id(_ context: ClientContext) throws -> UUID {
    guard let id = context.parameters.get("id").flatMap(UUID.init(uuidString:)) else {
      throw Problem.missing
    }
    return id
  }

  func job(_ context: ClientContext) async throws -> Job {
    guard let job = try await store.job(try id(context)) else { throw Problem.missing }
    return job
  }

  private func list(_ request: Request) async throws -> Response {
    let (jobs, next) = try await store.jobs(try JobQuery(request.uri.queryParameters))
    let cursor = next.map { JobCursor($0).text }
    var headers: HTTPFields = [:]
    if let cursor {
      var query = request.uri.queryParameters.filter { $0.key != "cursor" }.map { "\($0)=\($1)" }
      query.append("cursor=\(cursor)")
      headers[HTTPField.Name("Link")!] =
        "</v1/restorations?\(query.joined(separator: "&"))>; rel=\"next\""
    }
    return try Response(
      RestorationList(restorations: jobs.map(RestorationResponse.init), next: cursor),
      headers: headers)
  }

  private func picture(_ job: Job, _ kind: JobFiles.Kind, _ request: Request) async throws
    -> Response
  {
    let download = request.uri.queryParameters["download"] ?? "0"
    guard ["0", "1"].contains(download) else {
      throw Problem(.unprocessableContent, "invalid_setting", "download: must be 0 or 1")
    }
    switch request.uri.queryParameters["as"] {
    case nil: return try pictures.file(job, kind, request, isDownload: download == "1")
    case "display": return try await pictures.display(job, kind, request)
    default:
      throw Problem(.unprocessableContent, "invalid_setting", "as: must be display")
    }
  }

  private func signIn(_ request: Request, _ context: ClientContext) async throws -> Response {
    struct Body: Decodable { let token: String }
    var request = request
    context.sendContinue(request)
    let buffer = try await request.collectBody(upTo: 1 << 16)
    guard let body = try? JSONDecoder().decode(Body.self, from: Data(buffer.readableBytesView)),
      body.token.unicodeScalars.count <= 1000
    else {
      throw Problem(.badRequest, "malformed", "the body must be a JSON object with 'token'")
    }
    let cookie = try access.signIn(body.token, context)
    return Response(status: .noContent, headers: [.setCookie: cookie])
  }
}

extension RouterMethods<ClientContext> {
  typealias Handler = @Sendable (Request, ClientContext) async throws -> Response

  /// Registers handlers by method; other methods are answered with the list of allowed ones.
  func route(_ path: RouterPath, _ handlers: [HTTPRequest.Method: Handler]) {
    var methods = Set(handlers.keys)
    if methods.contains(.get) { methods.insert(.head) }
    let allowed = methods.map(\.rawValue).sorted().joined(separator: ", ")
    for (method, handler) in handlers { on(path, method: method, use: handler) }
    let known: Set<HTTPRequest.Method> = [
      .get, .head, .post, .put, .patch, .delete, .options, .trace, .init("QUERY")!,
    ]
    for method in known.subtracting(methods) {
      on(path, method: method) { _, _ -> Response in
        var problem = Problem(
          .methodNotAllowed, "method_not_allowed", "allowed here: \(allowed)")
        problem.headers[.allow] = allowed
        throw problem
      }
    }
  }
}
