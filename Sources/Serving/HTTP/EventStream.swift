import Foundation
import Hummingbird

/// What happens to restorations, as server-sent events.
struct EventStream: Sendable {
  let store: JobStore
  let history: JobHistory
  let shutdown: Shutdown

  /// Seconds between two looks, and between signs of life where nothing happens.
  private static let pause = 0.25
  private static let silence = 15.0

  /// All restorations: first those that are, then `list` with their ids, then what changes.
  func all() -> Response {
    response { writer in
      var known: [UUID: Int] = [:]
      var isFirst = true
      try await watch(&writer) {
        let jobs = try await history.jobs()
        var text = ""
        for job in jobs.reversed() where known[job.id] != job.revision {
          text += try Self.event("restoration", RestorationResponse(job: job))
        }
        let present = Dictionary(uniqueKeysWithValues: jobs.map { ($0.id, $0.revision) })
        for id in known.keys where present[id] == nil {
          text += try Self.event("removed", ["id": JobStore.name(id)])
        }
        if isFirst { text += try Self.event("list", ["ids": jobs.map { JobStore.name($0.id) }]) }
        (known, isFirst) = (present, false)
        return (text, false)
      }
    }
  }

  /// One restoration, until it has ended.
  func one(_ id: UUID) -> Response {
    response { writer in
      var revision: Int?
      try await watch(&writer) {
        guard let job = try await store.job(id) else {
          return (try Self.event("removed", ["id": JobStore.name(id)]), true)
        }
        defer { revision = job.revision }
        let text =
          revision == job.revision
          ? "" : try Self.event("restoration", RestorationResponse(job: job))
        return (text, job.state.isFinal)
      }
    }
  }

  private func watch(
    _ writer: inout any ResponseBodyWriter,
    _ look: () async throws -> (text: String, isLast: Bool)
  ) async throws {
    var last = Date()
    while !shutdown.hasBegun, !Task.isCancelled {
      var (text, isLast) = try await look()
      if text.isEmpty, Date().timeIntervalSince(last) >= Self.silence { text = ": keep-alive\n\n" }
      if !text.isEmpty {
        try await writer.write(ByteBuffer(string: text))
        last = Date()
      }
      if isLast { return }
      try await Task.sleep(for: .seconds(Self.pause))
    }
  }

  private func response(
    _ write: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void
  ) -> Response {
    Response(
      status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
      body: ResponseBody { writer in
        try await write(&writer)
        try await writer.finish(nil)
      })
  }

  private static func event(_ name: String, _ value: some Encodable) throws -> String {
    "event: \(name)\ndata: \(String(decoding: try JSONEncoder.api.encode(value), as: UTF8.self))\n\n"
  }
}

/// The newest jobs as of a moment ago: any number of listeners asks the database but once.
actor JobHistory {
  private let store: JobStore
  private var last: (jobs: [Job], time: ContinuousClock.Instant)?
  private var pending: Task<[Job], any Error>?

  /// Jobs of the web app's history.
  static let length = 200

  init(_ store: JobStore) { self.store = store }

  func jobs() async throws -> [Job] {
    if let last, .now - last.time < .milliseconds(200) { return last.jobs }
    if let pending { return try await pending.value }
    let task = Task { try await store.jobs(limit: Self.length) }
    pending = task
    defer { pending = nil }
    let jobs = try await task.value
    last = (jobs, .now)
    return jobs
  }
}
