import Foundation
import Hummingbird

/// Changes of restorations as server-sent events. The id of an event is the number of the last
/// change that it and the events before it report.
struct EventStream: Sendable {
  let store: JobStore
  let shutdown: Shutdown
  private let updates: EventUpdates

  /// The interval of keep-alive comments while nothing happens.
  private static let keepAliveInterval = Duration.seconds(15)

  init(store: JobStore, shutdown: Shutdown) {
    (self.store, self.shutdown) = (store, shutdown)
    updates = EventUpdates(store: store)
  }

  /// All restorations: first the present ones, then `list` with their ids, then the changes. A
  /// listener that names the last change it knows receives only what came after it.
  /// - Parameter known: the id of the last event that the listener received.
  func all(after known: Int?) -> Response {
    response { writer in
      var (last, queue) = (known, JobStore.Queue?.none)
      try await watch(&writer) { generation in
        let update = try await updates.update(after: last, generation: generation)
        var text = update.events
        if queue != update.queue { text += try Self.event("queue", EventQueue(update.queue)) }
        (last, queue) = (update.last, update.queue)
        return (text.isEmpty ? "" : Self.numbered(text, update.last), false)
      }
    }
  }

  /// The events of one restoration, until it has ended.
  func one(_ id: UUID) -> Response {
    response { writer in
      var revision: Int?
      var place: Int?
      try await watch(&writer) { _ in
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
    _ look: (_ generation: Int) async throws -> (text: String, isLast: Bool)
  ) async throws {
    var last = SuspendingClock.now
    while !shutdown.hasBegun, !Task.isCancelled {
      let seen = store.feed.generation
      var (text, isLast) = try await look(seen)
      if text.isEmpty, SuspendingClock.now - last >= Self.keepAliveInterval {
        text = ": keep-alive\n\n"
      }
      if !text.isEmpty {
        try await writer.write(ByteBuffer(string: text))
        last = .now
      }
      if isLast { return }
      await store.feed.wait(after: seen, atMost: Self.keepAliveInterval)
    }
  }

  private func response(
    _ write: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void
  ) -> Response {
    Response(
      status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
      body: ResponseBody { [shutdown, feed = store.feed] writer in
        var stream = writer as any ResponseBodyWriter
        try await shutdown.watched({ feed.notify() }) { try await write(&stream) }
        try await stream.finish(nil)
      })
  }

  static func event(_ name: String, _ value: some Encodable) throws -> String {
    "event: \(name)\ndata: \(String(decoding: try JSONEncoder.api.encode(value), as: UTF8.self))\n\n"
  }

  /// Gives the number to the last of the events of one query, so that a listener that missed some
  /// of them receives all of them again.
  private static func numbered(_ events: String, _ number: Int) -> String {
    events.dropLast() + "id: \(number)\n\n"
  }
}

private struct EventQueue: Encodable {
  let ids: [String]
  let count: Int

  init(_ queue: JobStore.Queue) {
    (ids, count) = (queue.ids.map(JobStore.name), queue.count)
  }
}
