import Foundation
import Hummingbird

/// What happens to restorations, as server-sent events. An event's id is the number of the last
/// change that it and those before tell of.
struct EventStream: Sendable {
  let store: JobStore
  let shutdown: Shutdown

  /// Restorations that a listener hears of at first, besides those that have not ended.
  private static let history = 100
  /// Between signs of life where nothing happens.
  private static let silence = Duration.seconds(15)

  /// All restorations: those that are, then `list` with their ids, then what changes. Who knows a
  /// change hears only of what came after.
  /// - Parameter known: the id of the last event that the listener has had.
  func all(after known: Int?) -> Response {
    response { writer in
      var (last, queue) = (known, JobStore.Queue?.none)
      try await watch(&writer) {
        var text = ""
        if let number = last, let changes = try await store.changes(after: number) {
          for id in changes.removed { text += try Self.event("removed", ["id": JobStore.name(id)]) }
          for job in changes.jobs {
            text += try Self.event("restoration", RestorationResponse(job: job))
          }
          if changes.last == number, queue != nil { return ("", false) }
          last = changes.last
        } else {
          let present = try await store.present(limit: Self.history)
          for job in present.jobs {
            text += try Self.event("restoration", RestorationResponse(job: job))
          }
          text += try Self.event("list", EventList(present.jobs, next: present.next))
          last = present.last
        }
        let now = try await store.queue()
        if queue != now { text += try Self.event("queue", EventQueue(now)) }
        queue = now
        return (text.isEmpty ? "" : Self.numbered(text, last!), false)
      }
    }
  }

  /// One restoration, until it has ended.
  func one(_ id: UUID) -> Response {
    response { writer in
      var revision: Int?
      var place: Int?
      try await watch(&writer) {
        guard let job = try await store.job(id) else {
          return (try Self.event("removed", ["id": JobStore.name(id)]), true)
        }
        defer { (revision, place) = (job.revision, job.position) }
        let isNews = revision != job.revision || place != job.position
        let text = isNews ? try Self.event("restoration", RestorationResponse(job: job)) : ""
        return (text.isEmpty ? "" : Self.numbered(text, job.changed), job.state.isFinal)
      }
    }
  }

  private func watch(
    _ writer: inout any ResponseBodyWriter,
    _ look: () async throws -> (text: String, isLast: Bool)
  ) async throws {
    var last = SuspendingClock.now
    while !shutdown.hasBegun, !Task.isCancelled {
      let seen = store.feed.now
      var (text, isLast) = try await look()
      if text.isEmpty, SuspendingClock.now - last >= Self.silence { text = ": keep-alive\n\n" }
      if !text.isEmpty {
        try await writer.write(ByteBuffer(string: text))
        last = .now
      }
      if isLast { return }
      await store.feed.wait(after: seen, atMost: Self.silence)
    }
  }

  private func response(
    _ write: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void
  ) -> Response {
    Response(
      status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
      body: ResponseBody { [shutdown, feed = store.feed] writer in
        var stream = writer as any ResponseBodyWriter
        try await shutdown.watched({ feed.poke() }) { try await write(&stream) }
        try await stream.finish(nil)
      })
  }

  private static func event(_ name: String, _ value: some Encodable) throws -> String {
    "event: \(name)\ndata: \(String(decoding: try JSONEncoder.api.encode(value), as: UTF8.self))\n\n"
  }

  /// Events of one look, the last of which gets the number: who has had but some of them will hear
  /// of all again.
  private static func numbered(_ events: String, _ number: Int) -> String {
    events.dropLast() + "id: \(number)\n\n"
  }
}

/// The restorations of which events have told, and where those before them begin.
private struct EventList: Encodable {
  let ids: [String]
  let next: String?

  init(_ jobs: [Job], next: Int?) {
    ids = jobs.map { JobStore.name($0.id) }
    self.next = next.map { JobCursor($0).text }
  }

  private enum Key: String, CodingKey { case ids, next }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(ids, forKey: .ids)
    try container.encode(next, forKey: .next)
  }
}

private struct EventQueue: Encodable {
  let ids: [String]
  let count: Int

  init(_ queue: JobStore.Queue) {
    (ids, count) = (queue.ids.map(JobStore.name), queue.count)
  }
}
