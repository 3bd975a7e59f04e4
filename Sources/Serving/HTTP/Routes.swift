import Files
import Foundation
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
  let rateLimit: RateLimit?
  let events: EventStream
  let pictures: PictureResponse
  /// Looking at what was uploaded.
  let inspections = Turns(4)

  func add(to router: Router<ClientContext>) {
    let open = router.group().add(middleware: AccessMiddleware(access: access, needsToken: false))
    let api = router.group("v1").add(middleware: AccessMiddleware(access: access, needsToken: true))

    open.route("healthz", [.get: { _, _ in Self.text("ok\n") }])
    open.route("readyz", [.get: { _, _ in try await ready() }])
    open.route(
      "metrics",
      [
        .get: { request, _ in
          try access.check(request)
          return try await metrics()
        }
      ])
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
        .delete: { _, _ in
          Response(status: .noContent, headers: [.setCookie: Access.removedCookie])
        },
      ])
    api.route("service", [.get: { _, _ in try Response(service) }])
    api.route("events", [.get: { _, _ in events.all() }])
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
          guard let jpeg = try await store.files.preview(try await job(context).id) else {
            throw Problem(.conflict, "no_preview", "there is no preview yet")
          }
          return Response(
            status: .ok,
            headers: [.contentType: "image/jpeg", .cacheControl: "private, max-age=60"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: jpeg)))
        }
      ])
  }

  private func id(_ context: ClientContext) throws -> UUID {
    guard let id = context.parameters.get("id").flatMap(UUID.init(uuidString:)) else {
      throw Problem.missing
    }
    return id
  }

  private func job(_ context: ClientContext) async throws -> Job {
    guard let job = try await store.job(try id(context)) else { throw Problem.missing }
    return job
  }

  private func list(_ request: Request) async throws -> Response {
    var limit = 100
    if let text = request.uri.queryParameters["limit"] {
      guard let number = Int(text), (1...1000).contains(number) else {
        throw Problem(
          .unprocessableContent, "invalid_setting", "limit: a whole number from 1 to 1000 is wanted"
        )
      }
      limit = number
    }
    let jobs = try await store.jobs(limit: limit)
    return try Response(RestorationList(restorations: jobs.map(RestorationResponse.init)))
  }

  private func submit(_ request: Request, _ context: ClientContext) async throws -> Response {
    if shutdown.hasBegun {
      throw Problem(
        .serviceUnavailable, "shutting_down", "the service is ending; try again later",
        retryAfter: 10)
    }
    if let rateLimit, let address = context.address { try await rateLimit.count(address) }
    // A full queue is told before the picture is sent.
    guard try await store.counts()[.queued, default: 0] < limits.queue else {
      throw JobError.queueFull(limits.queue)
    }
    let upload = try await Upload.receive(request, limits)
    defer { upload.folder.remove() }
    let order = try await inspections.take {
      try await Task.detached { try upload.order(limits, models) }.value
    }
    let job = try await store.add(order, input: upload.path, limit: limits.queue)
    Counter(label: "nsarm_uploads").increment()
    Counter(label: "nsarm_upload_bytes").increment(by: order.input.bytes ?? 0)
    return try Response(
      RestorationResponse(job: job), status: .accepted,
      headers: [.location: "/v1/restorations/\(JobStore.name(job.id))"])
  }

  private func picture(_ job: Job, _ kind: JobFiles.Kind, _ request: Request) async throws
    -> Response
  {
    let download = request.uri.queryParameters["download"] ?? "0"
    guard ["0", "1"].contains(download) else {
      throw Problem(.unprocessableContent, "invalid_setting", "download: 0 or 1 is wanted")
    }
    switch request.uri.queryParameters["as"] {
    case nil: return pictures.file(job, kind, isDownload: download == "1")
    case "png": return try await pictures.png(job, kind)
    default:
      throw Problem(.unprocessableContent, "invalid_setting", "as: only png is known")
    }
  }

  private func signIn(_ request: Request, _ context: ClientContext) async throws -> Response {
    struct Body: Decodable { let token: String }
    var request = request
    let buffer = try await request.collectBody(upTo: 1 << 16)
    guard let body = try? JSONDecoder().decode(Body.self, from: Data(buffer.readableBytesView)),
      body.token.unicodeScalars.count <= 1000
    else {
      throw Problem(.badRequest, "malformed", "the body is a JSON object with 'token'")
    }
    if let rateLimit, let address = context.address { try await rateLimit.count(address) }
    guard access.isToken(body.token) else {
      throw Problem(.unauthorized, "unauthorized", "this is not the token of this service")
    }
    return Response(status: .noContent, headers: [.setCookie: access.sessionCookie()])
  }

  private func ready() async throws -> Response {
    if shutdown.hasBegun {
      throw Problem(.serviceUnavailable, "shutting_down", "the service is ending")
    }
    _ = try await store.counts()
    return Self.text("ready\n")
  }

  private func metrics() async throws -> Response {
    for (state, count) in try await store.counts() where !state.isFinal {
      Gauge(label: "nsarm_jobs", dimensions: [("state", state.rawValue)]).record(count)
    }
    return Self.text(
      PrometheusRegistry.shared.text() + ProcessMetrics.text(),
      mediaType: "text/plain; version=0.0.4; charset=utf-8")
  }

  private static func text(_ text: String, mediaType: String = "text/plain; charset=utf-8")
    -> Response
  {
    Response(
      status: .ok, headers: [.contentType: mediaType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}

extension RouterMethods<ClientContext> {
  fileprivate typealias Handler = @Sendable (Request, ClientContext) async throws -> Response

  /// Handlers by method; other methods are told which there are.
  fileprivate func route(_ path: RouterPath, _ handlers: [HTTPRequest.Method: Handler]) {
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
          .methodNotAllowed, "method_not_allowed", "what can be done here: \(allowed)")
        problem.headers[.allow] = allowed
        throw problem
      }
    }
  }
}
