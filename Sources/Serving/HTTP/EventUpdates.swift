import Foundation

/// The updates of the event stream of all restorations. Listeners that know the same change share
/// one query until something changes.
actor EventUpdates {
  /// The events after a change, and the state of the queue.
  struct Update: Sendable {
    let events: String
    /// The number of the last change that the events report.
    let last: Int
    let queue: JobStore.Queue
  }

  /// The number of ended restorations that a new listener receives besides those that have not
  /// ended.
  private static let history = 100

  private let store: JobStore
  private var generation = 0
  private var updates: [Int?: Task<Update, any Error>] = [:]

  init(store: JobStore) { self.store = store }

  /// - Parameters:
  ///   - known: the last change that the listener knows; nil: none.
  ///   - generation: that of the store's feed, read before this call.
  func update(after known: Int?, generation: Int) async throws -> Update {
    if generation > self.generation { (self.generation, updates) = (generation, [:]) }
    let update = updates[known] ?? Task { [store] in try await Self.query(store, after: known) }
    updates[known] = update
    do {
      return try await update.value
    } catch {
      if updates[known] == update { updates[known] = nil }
      throw error
    }
  }

  private static func query(_ store: JobStore, after known: Int?) async throws -> Update {
    var events = ""
    let last: Int
    if let known, let changes = try await store.changes(after: known) {
      for id in changes.removed {
        events += try EventStream.event("removed", ["id": JobStore.name(id)])
      }
      for job in changes.jobs {
        events += try EventStream.event("restoration", RestorationResponse(job: job))
      }
      last = changes.last
    } else {
      let present = try await store.present(limit: history)
      for job in present.jobs {
        events += try EventStream.event("restoration", RestorationResponse(job: job))
      }
      events += try EventStream.event("list", EventList(present.jobs, next: present.next))
      last = present.last
    }
    return Update(events: events, last: last, queue: try await store.queue())
  }
}

/// The restorations that the events have reported, and the cursor of the older ones.
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
