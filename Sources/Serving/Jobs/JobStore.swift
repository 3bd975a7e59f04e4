import Foundation

/// The queue and the history of restorations.
///
/// A job that has been added is never lost: it is in the database before the client hears of it,
/// and a worker takes it on lease only. A worker that dies, or loses its database, leaves a lease
/// that runs out; then the next worker takes the job.
struct JobStore: Sendable {
  let database: any Database
  /// How long results are kept, and how many bytes of pictures at most.
  var retention = Retention()
  /// How long a worker may be silent before others take its job.
  var lease = 30.0

  struct Retention: Sendable {
    var seconds = 7 * 86400.0
    var bytes = 20 << 30
  }

  /// How often a job is begun before it counts as the cause of its workers' deaths.
  static let mostAttempts = 3

  static let columns =
    "number, id, revision, state, created, started, finished, description, progress, preview,"
    + " result_bytes, warnings, error, cancelling, seconds"

  var now: String { database.dialect.now }

  /// Puts a job at the end of the queue.
  ///
  /// - Parameter input: the picture's file, which is copied.
  /// - Throws: `JobError.queueFull` where `limit` jobs are waiting already; `FileError.noRoom`;
  ///   `DatabaseFailure`.
  func add(_ order: Job.Order, input: String, limit: Int) async throws -> Job {
    let (id, text) = (UUID().uuidString.lowercased(), try Self.json(order))
    let (now, lock) = (now, database.dialect.countingLock)
    try database.requireRoom(for: order.input.bytes ?? 0)
    let job = try await database.write { db in
      if let lock { try db.run(lock) }
      let waiting = try db.run(
        "SELECT count(*) AS count FROM nsarm_jobs WHERE state = 'queued'")[0].integer("count")!
      guard waiting < limit else { throw JobError.queueFull(limit) }
      let bytes = try JobFiles.write(input, job: id, .input, db)
      let rows = try db.run(
        """
        INSERT INTO nsarm_jobs
          (id, revision, state, created, description, bytes, cancelling, attempts)
        VALUES (?1, 1, 'queued', \(now), ?2, ?3, 0, 0) RETURNING \(Self.columns)
        """, .text(id), .text(text), .integer(bytes))
      return try decoded(rows[0])
    }
    return try await placed([job])[0]
  }

  func job(_ id: UUID) async throws -> Job? {
    let rows = try await database.read { db in
      try db.run(
        "SELECT \(Self.columns) FROM nsarm_jobs WHERE id = ?1", .text(Self.name(id)))
    }
    return try await placed(rows.map(decoded)).first
  }

  /// The newest jobs, newest first.
  func jobs(limit: Int) async throws -> [Job] {
    let rows = try await database.read { db in
      try db.run(
        "SELECT \(Self.columns) FROM nsarm_jobs ORDER BY number DESC LIMIT ?1", .integer(limit))
    }
    return try await placed(rows.map(decoded))
  }

  func counts() async throws -> [Job.State: Int] {
    let rows = try await database.read { db in
      try db.run("SELECT state, count(*) AS count FROM nsarm_jobs GROUP BY state")
    }
    var counts: [Job.State: Int] = [:]
    for row in rows {
      counts[row.text("state").flatMap(Job.State.init)!] = row.integer("count")
    }
    return counts
  }

  /// Takes a job out of the queue, or asks its worker to end.
  /// - Throws: `JobError.missing`, `JobError.ended`.
  func cancel(_ id: UUID) async throws {
    let now = now
    try await database.write { db in
      let rows = try db.run(
        """
        UPDATE nsarm_jobs SET revision = revision + 1, cancelling = 1,
          finished = CASE WHEN state = 'queued' THEN \(now) END,
          state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
        WHERE id = ?1 AND state IN ('queued', 'running') RETURNING id
        """, .text(Self.name(id)))
      guard rows.isEmpty else { return }
      let state = try db.run(
        "SELECT state FROM nsarm_jobs WHERE id = ?1", .text(Self.name(id))
      ).first?.text("state")
      guard let state else { throw JobError.missing }
      if state != Job.State.cancelled.rawValue { throw JobError.ended(state) }
    }
  }

  /// Removes a job with its pictures; a worker that has it ends soon.
  /// - Throws: `JobError.missing`.
  func remove(_ id: UUID) async throws {
    try await database.write { db in
      let rows = try db.run(
        "DELETE FROM nsarm_jobs WHERE id = ?1 RETURNING id", .text(Self.name(id)))
      guard !rows.isEmpty else { throw JobError.missing }
      try db.run("DELETE FROM nsarm_parts WHERE job = ?1", .text(Self.name(id)))
    }
    try await giveBackSpace()
  }

  func removeFinished() async throws {
    try await remove(where: "state NOT IN ('queued', 'running')")
  }

  /// The jobs with their places in the queue.
  private func placed(_ jobs: [Job]) async throws -> [Job] {
    guard jobs.contains(where: { $0.state == .queued }) else { return jobs }
    let queue = try await database.read { db in
      try db.run("SELECT number FROM nsarm_jobs WHERE state = 'queued' ORDER BY number")
    }
    var places: [Int: Int] = [:]
    for (index, row) in queue.enumerated() { places[row.integer("number")!] = index + 1 }
    return jobs.map { job in
      var job = job
      job.position = job.state == .queued ? places[job.number] : nil
      return job
    }
  }

  func decoded(_ row: SQLRow) throws -> Job {
    func date(_ column: String) -> Date? { row.real(column).map(Date.init(timeIntervalSince1970:)) }
    let finished = date("finished")
    return Job(
      id: UUID(uuidString: row.text("id")!)!, number: row.integer("number")!,
      revision: row.integer("revision")!, state: Job.State(rawValue: row.text("state")!)!,
      order: try Self.value(row.text("description")!), created: date("created")!,
      started: date("started"), finished: finished,
      expires: finished?.addingTimeInterval(retention.seconds),
      progress: try row.text("progress").map(Self.value),
      preview: row.integer("preview").flatMap { $0 > 0 ? $0 : nil },
      resultBytes: row.integer("result_bytes"),
      warnings: try row.text("warnings").map(Self.value) ?? [], error: row.text("error"),
      isCancelling: row.integer("cancelling") == 1, seconds: row.real("seconds"))
  }

  static func name(_ id: UUID) -> String { id.uuidString.lowercased() }

  static func json(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  }

  private static func value<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }
}

/// Why a job is not there as it is wanted.
enum JobError: Error, Equatable {
  case queueFull(Int)
  case missing
  /// The job has ended, as the text says, or is another worker's.
  case ended(String)
}
