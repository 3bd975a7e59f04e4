import Files
import Foundation
import TestSupport
import Testing

@testable import Serving

@Suite struct JobStoreTests {
  private let folder: ScratchFolder
  private let photo: String
  private let bytes = Data((0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) })

  init() throws {
    folder = try ScratchFolder()
    photo = try folder.write("photo.png", bytes)
  }

  private func order(_ name: String = "photo.png") -> Job.Order {
    let picture = Job.Picture(
      width: 4, height: 3, bytes: bytes.count, mediaType: "image/png", name: name)
    return Job.Order(settings: RestorationSettings(), input: picture, output: picture)
  }

  private func add(_ store: JobStore, _ name: String = "photo.png") async throws -> Job {
    try await store.add(order(name), input: .file(photo), limit: 100)
  }

  private func ids(_ store: JobStore, limit: Int = 9) async throws -> [UUID] {
    try await store.jobs(JobQuery(limit: limit)).jobs.map(\.id)
  }

  /// A rectangle of the whole picture.
  private func bytes(_ store: JobStore, _ id: UUID, _ kind: JobFiles.Kind) async throws -> Data {
    var bytes = Data()
    let size = try await store.files.size(id, kind) ?? 0
    try await store.files.stream(id, kind, 0..<size) { bytes += $0 }
    return bytes
  }

  @Test(arguments: TestDatabase.all) func aJobGoesThrough(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let job = try await add(store)
    #expect(job.state == .queued && job.position == 1 && job.order == order())
    #expect(abs(job.created.timeIntervalSinceNow) < 60)
    let claimed = try #require(await store.claim("w"))
    #expect(claimed.id == job.id && claimed.state == .running && claimed.revision > job.revision)
    #expect(try await store.claim("v") == nil)

    let copy = try await bytes(store, job.id, .input)
    #expect(copy == bytes)
    var part = Data()
    try await store.files.stream(job.id, .input, 1_000_000..<2_200_000) { part += $0 }
    #expect(part == bytes[1_000_000..<2_200_000])
    let whole = try await store.files.withFile(job.id, .input) {
      try Data(contentsOf: URL(fileURLWithPath: $0))
    }
    #expect(whole == bytes)
    let progress = Job.Progress(share: 0.5, tiles: .init(done: 1, count: 2))
    try await store.report(job.id, "w", progress, preview: Data([1, 2, 3]))
    var now = try #require(await store.job(job.id))
    #expect(now.progress == progress && now.preview == 1)
    try await store.report(job.id, "w", nil, preview: nil)
    now = try #require(await store.job(job.id))
    #expect(now.progress == progress && now.preview == 1)
    #expect(try await store.files.preview(job.id) == Data([1, 2, 3]))

    let result = try folder.write("result", Array("restored".utf8))
    try await store.finish(
      job.id, "w",
      .succeeded(result: result, thumbnail: Data([4]), warnings: ["a \"warning\""]), seconds: 2.5)
    now = try #require(await store.job(job.id))
    #expect(now.state == .succeeded && now.resultBytes == 8 && now.warnings == ["a \"warning\""])
    #expect(now.seconds == 2.5 && now.progress == nil && now.expires! > now.finished!)
    let restored = try await bytes(store, job.id, .result)
    #expect(restored == Data("restored".utf8))
    // The result's thumbnail replaces the preview.
    #expect(try await store.files.preview(job.id) == Data([4]) && now.preview == 2)
    #expect(try await store.counts() == [.succeeded: 1])
  }

  /// A job queued by a version without a choice of models.
  @Test(arguments: TestDatabase.all) func olderJobsAreRestored(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let id = try await add(store).id
    let description = """
      {"settings":{"scale":4,"temperature":0.5,"seed":1,"color":null,"format":null,"quality":92},\
      "input":{"width":4,"height":3,"bytes":9,"mediaType":"image/png","name":"old.png"},\
      "output":{"width":16,"height":12,"bytes":null,"mediaType":"image/png","name":"old_x4.png"}}
      """
    _ = try await store.database.write { db in
      try db.run(
        "UPDATE nsarm_jobs SET description = ?1 WHERE id = ?2", .text(description),
        .text(JobStore.name(id)))
    }
    let job = try #require(await store.claim("w"))
    #expect(job.order.input.name == "old.png" && job.order.settings.temperature == 0.5)
    #expect(job.order.settings.model == nil && job.order.settings.strength == nil)
  }

  @Test(arguments: TestDatabase.all) func jobsWaitInTheirOrder(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    var ids: [UUID] = []
    for name in ["a", "b", "c"] { ids.append(try await add(store, name).id) }
    #expect(try await store.jobs(JobQuery()).jobs.map(\.position) == [3, 2, 1])
    let page = try await store.jobs(JobQuery(limit: 2))
    #expect(page.jobs.map(\.order.input.name) == ["c", "b"])
    #expect(try await store.queue() == .init(ids: ids, count: 3))
    try await store.cancel(ids[0])
    #expect(try await store.job(ids[1])?.position == 1)
    #expect(try await store.claim("w")?.id == ids[1])
    await #expect(throws: JobError.queueFull(1)) {
      try await store.add(order(), input: .file(photo), limit: 1)
    }
    #expect(try await self.ids(store).count == 3)
    // Refused uploads leave no pictures.
    #expect(
      try await store.database.pictures.size(.init(job: "x", kind: .input), store.database) == nil)
  }

  /// With any number of concurrent workers, every job is claimed by exactly one.
  @Test(arguments: TestDatabase.all) func aJobHasOneWorker(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let small = try folder.write("small", [1])
    var ids: Set<UUID> = []
    for _ in 0..<30 {
      ids.insert(try await store.add(order(), input: .file(small), limit: 100).id)
    }
    let claimed = try await withThrowingTaskGroup(of: [UUID].self) { group in
      for worker in 0..<8 {
        group.addTask {
          var mine: [UUID] = []
          while let job = try await store.claim("w\(worker)") { mine.append(job.id) }
          return mine
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(claimed.count == 30 && Set(claimed) == ids)
  }

  @Test(arguments: TestDatabase.all) func aDeadWorkersJobIsTaken(_ place: TestDatabase)
    async throws
  {
    let store = try await place.store(folder)
    let id = try await add(store).id
    for worker in ["a", "b", "c"] {
      #expect(try await store.claim(worker)?.id == id)
      #expect(try await store.claim("other") == nil)
      // A worker whose heartbeat continues keeps its job.
      let before = try await store.running()
      try await store.report(id, worker, nil, preview: nil)
      try await store.reclaim(before)
      #expect(try await store.job(id)?.state == .running)
      try await store.reclaim(try await store.running())
    }
    // A job whose workers have died three times is given up.
    let job = try #require(await store.job(id))
    #expect(job.state == .failed && job.error?.contains("3 times") == true)
    try await store.retry(id)
    #expect(try await store.claim("d")?.id == id)
    // The earlier workers learn it when they report.
    await #expect(throws: JobError.ended("elsewhere")) {
      try await store.report(id, "a", nil, preview: nil)
    }
    let result = try folder.write("result", [1])
    try await store.finish(
      id, "a", .succeeded(result: result, thumbnail: nil, warnings: []), seconds: 1)
    #expect(try await store.job(id)?.state == .running)
    // A result that was finished while the database was unavailable is accepted late.
    try await store.finish(
      id, "a", .succeeded(result: result, thumbnail: nil, warnings: []), seconds: 1, isLate: true)
    #expect(try await store.job(id)?.state == .succeeded)
  }

  @Test(arguments: TestDatabase.all) func whatIsGivenBackWaitsAgain(_ place: TestDatabase)
    async throws
  {
    let store = try await place.store(folder)
    let id = try await add(store).id
    for _ in 0..<5 {  // more often than workers may die
      #expect(try await store.claim("w")?.id == id)
      try await store.finish(id, "w", .requeued, seconds: 0)
      #expect(try await store.job(id)?.state == .queued)
    }
  }

  @Test(arguments: TestDatabase.all) func cancellation(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let (waiting, running) = (try await add(store).id, try await add(store).id)
    try await store.cancel(waiting)
    #expect(try await store.job(waiting)?.state == .cancelled)
    #expect(try await store.claim("w")?.id == running)
    try await store.cancel(running)
    try await store.cancel(running)
    #expect(try await store.job(running)?.state == .running)
    await #expect(throws: JobError.self) {
      try await store.report(running, "w", nil, preview: nil)
    }
    try await store.finish(running, "w", .cancelled, seconds: 1)
    #expect(try await store.job(running)?.state == .cancelled)
    try await store.cancel(running)  // a repeated request is accepted

    let done = try await add(store).id
    _ = try await store.claim("w")
    try await store.finish(done, "w", .failed("no"), seconds: 1)
    await #expect(throws: JobError.ended("failed")) { try await store.cancel(done) }
    await #expect(throws: JobError.missing) { try await store.cancel(UUID()) }
    await #expect(throws: JobError.missing) { try await store.remove(UUID()) }
  }

  @Test(arguments: TestDatabase.all) func whatIsRemovedIsGone(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let (first, second) = (try await add(store).id, try await add(store).id)
    _ = try await store.claim("w")
    try await store.remove(first)
    await #expect(throws: JobError.self) { try await store.report(first, "w", nil, preview: nil) }
    #expect(try await store.job(first) == nil)
    #expect(try await store.files.size(first, .input) == nil)
    try await store.removeFinished()
    #expect(try await store.job(second)?.state == .queued)
    try await store.cancel(second)
    try await store.removeFinished()
    #expect(try await ids(store).isEmpty)
    #expect(try await store.files.size(second, .input) == nil)
  }

  @Test(arguments: TestDatabase.all) func keptForATimeAndUpToASize(_ place: TestDatabase)
    async throws
  {
    var store = try await place.store(folder)
    var ids: [UUID] = []
    for _ in 0..<4 { ids.append(try await add(store).id) }
    for id in ids[..<3] { try await store.cancel(id) }
    try await store.removeExcess()
    try await store.removeExpired()
    #expect(try await self.ids(store).count == 4)
    // The newest stay. Queued jobs always stay, and count.
    store.retention.bytes = 2 * bytes.count + 10
    try await store.removeExcess()
    #expect(try await self.ids(store) == [ids[3], ids[2]])
    store.retention.seconds = -1
    try await store.removeExpired()
    #expect(try await self.ids(store) == [ids[3]])
  }

  /// When skipped, it shows that the tests above have used SQLite only.
  @Test(.enabled(if: TestDatabase.postgresURL != nil, "PostgreSQL is not installed"))
  func theTestsKnowPostgres() async throws {
    let database = try PostgresDatabase(TestDatabase.postgresURL!)
    let rows = try await database.read { db in try db.run("SELECT version() AS name") }
    #expect(rows.first?.text("name")?.hasPrefix("PostgreSQL") == true)
  }

  /// Pictures are files that only their owner can read, and are removed with their jobs.
  @Test func theDiskGetsItsSpaceBack() async throws {
    let store = try await TestDatabase.sqlite.store(folder)
    func files() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: folder("pictures"))
    }
    for _ in 0..<6 { try await store.cancel(try await add(store).id) }
    #expect(try files().count == 6)
    for path in ["pictures", "pictures/" + (try files()[0]), "jobs.sqlite"] {
      let mode = try FileManager.default.attributesOfItem(atPath: folder(path))[.posixPermissions]
      #expect((mode as? Int).map { $0 & 0o077 } == 0, "\(path)")
    }
    let other = try SQLiteDatabase(folder("jobs.sqlite"))  // a second process sees the same
    #expect(try await JobStore(database: other).jobs(JobQuery()).jobs.count == 6)
    try await store.removeFinished()
    #expect(try files().isEmpty)
  }

  /// A crash between storing a picture and its job leaves nothing behind for long.
  @Test func picturesWithoutJobsAreSwept() async throws {
    let store = try await TestDatabase.sqlite.store(folder)
    let kept = JobStore.name(try await add(store).id) + ".input"
    let (old, new) = (UUID().uuidString.lowercased(), UUID().uuidString.lowercased())
    for name in [old, new] { _ = try folder.write("pictures/\(name).input", [1]) }
    var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, folder("pictures/\(old).input"), &times, 0) == 0)
    try await store.database.pictures.sweep(store.database)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder("pictures"))
    #expect(Set(left) == [kept, "\(new).input"])
  }

  @Test func filesOfLaterVersionsAreLeftAlone() async throws {
    let store = try await TestDatabase.sqlite.store(folder)
    _ = try await store.database.write { db in try db.run("UPDATE nsarm_schema SET version = 9") }
    await #expect(throws: DatabaseFailure.self) { try await JobSchema.prepare(store.database) }
    _ = try folder.write(
      "no.sqlite", Array("this is no database at all".utf8) + Array(repeating: 65, count: 4096))
    await #expect(throws: DatabaseFailure.self) {
      try await JobSchema.prepare(SQLiteDatabase(folder("no.sqlite")))
    }
    #expect(throws: DatabaseFailure.self) { try SQLiteDatabase(folder("missing/jobs.sqlite")) }
  }
}
