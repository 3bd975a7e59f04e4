import Foundation
import Hummingbird
import Metrics

/// Requests that add restorations.
extension Routes {
  func submit(_ request: Request, _ context: ClientContext) async throws -> Response {
    if shutdown.hasBegun {
      throw Problem(
        .serviceUnavailable, "shutting_down", "the service is shutting down; try again later",
        retryAfter: 10)
    }
    try count(context)
    // Checked before the body is read, so that a full queue is reported before the picture is sent.
    let key = try request.headers[.idempotencyKey].map(IdempotencyKeys.key)
    let isRepeated = if let key { try await store.keys.isKnown(key) } else { false }
    if !isRepeated, try await store.counts()[.queued, default: 0] >= limits.queue {
      throw JobError.queueFull(limits.queue)
    }
    return try await slots.with(context.caller.subscriber) {
      let upload = try await Upload.receive(
        request, context, limits, in: store.database.pictures.scratch)
      defer { upload.folder.remove() }
      let order = try await inspections.withPermit {
        try await BlockingWork.run { try upload.order(limits, models) }
      }
      let (job, isNew) = try await store.add(
        order, input: .file(upload.path), limit: limits.queue, key: key)
      guard isNew else { return try Response(RestorationResponse(job: job)) }
      Counter(label: "nsarm_uploads").increment()
      Counter(label: "nsarm_upload_bytes").increment(by: order.input.bytes ?? 0)
      context.logger.info("a picture was queued", metadata: ["job": "\(JobStore.name(job.id))"])
      return try accepted(job)
    }
  }

  /// Restores the input of an earlier restoration with other settings.
  func again(_ request: Request, _ context: ClientContext) async throws -> Response {
    struct Body: Decodable { let settings: [String: SettingValue]? }
    let earlier = try await job(context)
    try count(context)
    var request = request
    context.sendContinue(request)
    let buffer = try await request.collectBody(upTo: 1 << 16)
    guard let body = try? JSONDecoder().decode(Body.self, from: Data(buffer.readableBytesView))
    else {
      throw Problem(.badRequest, "malformed", "the body must be a JSON object with 'settings'")
    }
    var settings = RestorationSettings()
    for (name, value) in (body.settings ?? [:]).sorted(by: { $0.key < $1.key }) {
      try settings.set(name, value)
    }
    let order = try await store.files.withFile(earlier.id, .input) { [settings] path in
      try await inspections.withPermit {
        try await BlockingWork.run {
          try Job.Order(
            picture: path, name: earlier.order.input.name, settings, limits, models)
        }
      }
    }
    let (job, _) = try await store.add(
      order, input: .job(earlier.id), limit: limits.queue, key: nil)
    return try accepted(job)
  }

  private func accepted(_ job: Job) throws -> Response {
    try Response(
      RestorationResponse(job: job), status: .accepted,
      headers: [.location: "/v1/restorations/\(JobStore.name(job.id))"])
  }

  /// Counts a picture towards the client's rate limit.
  /// - Throws: `Problem` if the limit is exceeded.
  private func count(_ context: ClientContext) throws {
    guard let rateLimit else { return }
    let state = rateLimit.take(context.caller.subscriber)
    context.notes.add(.rateLimitLimit, "\(rateLimit.perMinute)")
    context.notes.add(.rateLimitRemaining, "\(state.remaining)")
    context.notes.add(.rateLimitReset, "\(state.reset)")
    guard state.isGranted else {
      throw Problem(
        .tooManyRequests, "rate_limit",
        "\(rateLimit.perMinute) pictures per minute are accepted from one address",
        retryAfter: state.retryAfter)
    }
  }
}
