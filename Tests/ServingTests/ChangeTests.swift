import Foundation
import TestSupport
import Testing

@testable import Serving

/// Listeners receive every change once, for any number of jobs.
@Suite struct ChangeTests {
  private let folder: ScratchFolder
  private let photo: String

  init() throws {
    folder = try ScratchFolder()
    photo = try folder.write("photo.png", [1, 2, 3])
  }

  private func add(_ store: JobStore, _ name: String = "photo.png") async throws -> UUID {
    let picture = Job.Picture(width: 4, height: 3, bytes: 3, mediaType: "image/png", name: name)
    let order = Job.Order(settings: RestorationSettings(), input: picture, output: picture)
    return try await store.add(order, input: .file(photo), limit: 1000).id
  }

  @Test(arguments: TestDatabase.all) func changesAreNumbered(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let start = try await store.present(limit: 9).last
    let (first, second) = (try await add(store), try await add(store))
    var changes = try #require(await store.changes(after: start))
    #expect(changes.jobs.map(\.id) == [first, second] && changes.removed.isEmpty)
    #expect(changes.jobs.map(\.position) == [1, 2])
    let seen = changes.last
    #expect(try await store.changes(after: seen)?.jobs.isEmpty == true)
    _ = try await store.claim("w")
    try await store.remove(second)
    changes = try #require(await store.changes(after: seen))
    #expect(changes.jobs.map(\.id) == [first] && changes.removed == [second])
    // Without news there is no change.
    try await store.report(first, "w", nil, preview: nil)
    #expect(try await JobStore.lastChange(store.database) == changes.last)
    // Numbers of another database, or of changes that have been forgotten.
    #expect(try await store.changes(after: changes.last + 1) == nil)
    let last = changes.last
    _ = try await store.database.write { db in
      try db.run("UPDATE nsarm_changes SET forgotten = ?1", .integer(last))
    }
    #expect(try await store.changes(after: seen) == nil)
    #expect(try await store.changes(after: changes.last) != nil)
  }

  @Test(arguments: TestDatabase.all) func pagesFollowEachOther(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    var ids: [UUID] = []
    for number in 0..<7 { ids.append(try await add(store, "Photo \(number % 2).png")) }
    try await store.cancel(ids[1])
    var seen: [UUID] = []
    var query = JobQuery(limit: 3)
    repeat {
      let page = try await store.jobs(query)
      seen += page.jobs.map(\.id)
      query.before = page.next
    } while query.before != nil
    #expect(seen == ids.reversed())
    let odd = try await store.jobs(JobQuery(limit: 2, name: "photo 1"))
    #expect(odd.jobs.map(\.id) == [ids[5], ids[3]])
    let rest = try await store.jobs(JobQuery(limit: 2, before: odd.next, name: "photo 1"))
    #expect(rest.jobs.map(\.id) == [ids[1]] && rest.next == nil)
    let cancelled = try await store.jobs(JobQuery(states: [.cancelled]))
    #expect(cancelled.jobs.map(\.id) == [ids[1]])
    // Queued jobs are always included, however old.
    let present = try await store.present(limit: 2)
    #expect(present.jobs.map(\.id) == [ids[0]] + ids[2...])
  }

  @Test(arguments: TestDatabase.all) func allAtOnce(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    var ids: [UUID] = []
    for _ in 0..<3 { ids.append(try await add(store)) }
    _ = try await store.claim("w")
    #expect(try await store.cancelAll() == 3)
    #expect(try await store.cancelAll() == 0)
    try await store.finish(ids[0], "w", .cancelled, seconds: 1)
    #expect(try await store.counts() == [.cancelled: 3])
    #expect(try await store.retryAll() == 3)
    #expect(try await store.queue() == .init(ids: ids, count: 3))
    await #expect(throws: JobError.active("queued")) { try await store.retry(ids[0]) }
    await #expect(throws: JobError.missing) { try await store.retry(UUID()) }
  }

  @Test(arguments: TestDatabase.all) func aPictureIsUsedAgain(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let first = try await add(store)
    let order = try #require(await store.job(first)).order
    let again = try await store.add(order, input: .job(first), limit: 9)
    #expect(again.source == first && again.position == 2)
    try await store.remove(first)
    #expect(try await store.files.size(again.id, .input) == 3)
    await #expect(throws: JobError.missing) {
      try await store.add(order, input: .job(first), limit: 9)
    }
    #expect(try await store.queue().ids == [again.id])
  }

  @Test(arguments: TestDatabase.all) func workersAreCounted(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    #expect(try await store.workersAlive() == 0)
    for name in ["a", "b", "a"] { try await store.register(name) }
    #expect(try await store.workersAlive() == 2)
    _ = try await store.database.write { db in
      try db.run("UPDATE nsarm_workers SET seen = seen - 60 WHERE name = 'a'")
    }
    #expect(try await store.workersAlive() == 1)
    try await store.unregister("b")
    #expect(try await store.workersAlive() == 0)
  }

  /// Waiting tasks are woken immediately by this process, and soon by another one.
  @Test(arguments: TestDatabase.all) func changesWakeWhoWaits(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let other = JobStore(database: store.database)  // the view of another process
    for writer in [store, other] {
      let seen = store.feed.generation
      let waiting = Task { await store.feed.wait(after: seen, atMost: .seconds(600)) }
      try await Task.sleep(for: .seconds(1))
      _ = try await add(writer)
      await waiting.value
    }
    let seen = store.feed.generation
    await store.feed.wait(after: seen, atMost: .milliseconds(1))
    let cancelled = Task { await store.feed.wait(after: seen, atMost: .seconds(600)) }
    cancelled.cancel()
    await cancelled.value
  }

  @Test func ownChangesAreNoticedOnce() {
    let feed = ChangeFeed { 0 }
    feed.notify(5)
    let seen = feed.generation
    feed.notify(5)
    #expect(feed.generation == seen)
    feed.notify(6)
    #expect(feed.generation > seen)
  }

  /// Listeners that know the same change share a query until something changes.
  @Test func listenersShareQueries() async throws {
    let store = try await TestDatabase.sqlite.store(folder)
    let updates = EventUpdates(store: store)
    let first = try await updates.update(after: nil, generation: 1)
    _ = try await add(store)
    #expect(try await updates.update(after: nil, generation: 1).last == first.last)
    let next = try await updates.update(after: first.last, generation: 2)
    #expect(next.last > first.last && next.queue.count == 1)
    #expect(next.events.contains("event: restoration") && !next.events.contains("event: list"))
  }

  // MARK: Earlier versions

  @Test(arguments: TestDatabase.all) func jobsOfTheFirstVersionGoOn(_ place: TestDatabase)
    async throws
  {
    let database = try await place.database(folder)
    try await JobSchema.prepare(database, upTo: 1)
    let bytes = Data((0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) })
    let (waiting, done) = (UUID(), UUID())
    let picture = Job.Picture(
      width: 4, height: 3, bytes: bytes.count, mediaType: "image/png", name: "old.png")
    let text = try JobStore.json(
      Job.Order(settings: RestorationSettings(), input: picture, output: picture))
    try await database.write { db in
      for (id, state) in [(done, "succeeded"), (waiting, "queued")] {
        try db.run(
          """
          INSERT INTO nsarm_jobs (id, revision, state, created, description, bytes, cancelling,
            attempts, result_bytes) VALUES (?1, 3, ?2, 1000.5, ?3, 7, 0, 0, ?4)
          """, .text(JobStore.name(id)), .text(state), .text(text), .integer(bytes.count))
      }
      for (id, kind) in [(done, "result"), (done, "input"), (waiting, "input")] {
        for number in 0..<3 {
          let end = min(bytes.count, (number + 1) << 20)
          try db.run(
            "INSERT INTO nsarm_parts (job, kind, number, bytes) VALUES (?1, ?2, ?3, ?4)",
            .text(JobStore.name(id)), .text(kind), .integer(number),
            .bytes(bytes[number << 20..<end]))
        }
      }
    }
    try await JobSchema.prepare(database)
    try await JobSchema.prepare(database)  // already done
    let store = JobStore(database: database)
    #expect(try await store.jobs(JobQuery()).jobs.map(\.id) == [waiting, done])
    var result = Data()
    try await store.files.stream(done, .result, 0..<bytes.count) { result += $0 }
    #expect(result == bytes)
    #expect(try await store.claim("w")?.id == waiting)
    #expect(try await store.files.size(waiting, .input) == bytes.count)
    try await store.remove(done)
    #expect(try await store.files.size(done, .result) == nil)
  }
}
