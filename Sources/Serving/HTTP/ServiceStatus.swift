import Files
import Foundation
import Hummingbird

/// Health, readiness and metrics of a process, for monitoring.
struct ServiceStatus: Sendable {
  let store: JobStore
  let shutdown: Shutdown
  /// The number of workers of the queue on all hosts; nil: this process is only a worker.
  let workersAlive: (@Sendable () async throws -> Int)?
  /// The length of the queue at which uploads are refused; nil: this process accepts none.
  var queueLimit: Int?

  /// The time after which the monitoring system has given up waiting.
  static let timeout = Duration.seconds(3)
  /// The free bytes for temporary files that accepting and restoring pictures require.
  private static let reserve = 32 << 20

  /// - Parameter check: throws if the client may not read the metrics.
  func add(
    to router: some RouterMethods<ClientContext>,
    check: @escaping @Sendable (Request, ClientContext) throws -> Void
  ) {
    router.route("healthz", [.get: { _, _ in Self.text("ok\n") }])
    router.route(
      "readyz",
      [
        .get: { _, _ in
          try await ready()
          return Self.text("ready\n")
        }
      ])
    router.route(
      "metrics",
      [
        .get: { request, context in
          try check(request, context)
          return Self.text(
            await metrics(), mediaType: "text/plain; version=0.0.4; charset=utf-8")
        }
      ])
  }

  /// - Throws: `Problem` with the reason why no work can be done.
  func ready() async throws {
    if shutdown.hasBegun {
      throw Problem(.serviceUnavailable, "shutting_down", "the service is shutting down")
    }
    let alive: Int?
    do {
      alive = try await within(Self.timeout) { [store, workersAlive] in
        try store.database.requireRoom(for: 0)
        try FreeSpace.require(Self.reserve, at: NSTemporaryDirectory() + "/x")
        _ = try await store.counts()
        return try await workersAlive?()
      }
    } catch  where tellsOfFullDisk(error) {
      throw Problem(.serviceUnavailable, "disk_full", "the disk of this service is full")
    } catch is DeadlinePassed {
      throw Problem(.serviceUnavailable, "unavailable", "the queue does not respond")
    }
    if alive == 0 {
      throw Problem(.serviceUnavailable, "no_worker", "no worker is running, so pictures only wait")
    }
  }

  /// All metrics in Prometheus' text format.
  func metrics() async -> String {
    let counts = try? await within(Self.timeout) { [store] in try await store.counts() }
    let alive = try? await within(Self.timeout) { [workersAlive] in try await workersAlive?() }
    var text = PrometheusText()
    text.gauge(
      "nsarm_database_up", "Whether the database of the queue answers: 1 or 0.",
      [("", counts == nil ? 0 : 1)])
    if let counts {
      text.gauge(
        "nsarm_jobs", "Restorations that the queue and the history hold, by their state.",
        Job.State.allCases.map { ("state=\"\($0.rawValue)\"", Double(counts[$0, default: 0])) })
    }
    if let limit = queueLimit {
      text.gauge(
        "nsarm_queue_limit", "Pictures that may wait before more are refused.",
        [("", Double(limit))])
    }
    if let alive = alive ?? nil {
      text.gauge(
        "nsarm_workers", "Workers that are alive, in any process.", [("", Double(alive))])
    }
    ProcessMetrics.write(to: &text)
    return PrometheusRegistry.shared.text() + text.text
  }

  private static func text(_ text: String, mediaType: String = "text/plain; charset=utf-8")
    -> Response
  {
    Response(
      status: .ok, headers: [.contentType: mediaType, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
