import Foundation

/// The queue and the history of restorations.
///
/// A job that has been added is never lost: it is in the database before the client receives a
/// response, and a worker only leases it. If the worker dies or loses the database, its heartbeat
/// stops and the job returns to the queue.
struct JobStore: Sendable {
  let database: any Database
  let feed: ChangeFeed
  /// Limits of the time and the space for which ended jobs are kept.
  var retention = Retention()

  struct Retention: Sendable {
    var seconds = 7 * 86400.0
    var bytes = 20 << 30
  }

  /// The number of attempts after which a job counts as the cause of its workers' deaths.
  static let maximumAttempts = 3

  static let columns =
    "number, id, revision, changed, state, created, started, finished, description, progress,"
    + " preview, result_bytes, warnings, error, cancelling, seconds, source"

  init(database: any Database) {
    self.database = database
    feed = ChangeFeed(database)
  }

  var now: String { database.dialect.now }

  /// The source of a new job's picture.
  enum Input: Sendable {
    /// A file, which is not modified from now on.
    case file(String)
    case job(UUID)
  }

  /// Appends a job to the queue.
  ///
  /// - Parameter beside: stores what belongs to the job in other tables, in the same transaction.
  /// - Throws: `JobError.queueFull` if `limit` jobs are queued already; `JobError.missing` if the
  ///   input's job has been removed; `FileError.noRoom`; `DatabaseFailure`; the error of `beside`.
  func add(
    _ order: Job.Order, input: Input, limit: Int,
    beside: @escaping @Sendable (_ id: String, any SQLConnection) throws -> Void = { _, _ in }
  ) async throws -> Job {
    let (id, text) = (UUID().uuidString.lowercased(), try Self.json(order))
    let (now, lock, pictures) = (now, database.dialect.countingLock, database.pictures)
    try database.requireRoom(for: order.input.bytes ?? 0)
    do {
      return try await write { db in
        if let lock { try db.run(lock) }
        let waiting = try db.run(
          "SELECT count(*) AS count FROM nsarm_jobs WHERE state = 'queued'")[0].integer("count")!
        guard waiting < limit else { throw JobError.queueFull(limit) }
        try beside(id, db)
        let key = PictureKey(job: id, kind: .input)
        var bytes = order.input.bytes ?? 0
        var source: String?
        switch input {
        case .file(let path): bytes = try pictures.put(path, key, db)
        case .job(let other):
          source = Self.name(other)
          try pictures.duplicate(PictureKey(job: source!, kind: .input), for: id, db)
        }
        let rows = try db.run(
          """
          INSERT INTO nsarm_jobs
            (id, revision, state, created, description, bytes, cancelling, attempts, source)
          VALUES (?1, 0, 'queued', \(now), ?2, ?3, 0, 0, ?4) RETURNING id
          """, .text(id), .text(text), .integer(bytes), SQLValue(source))
        try recordChange(rows, db)
        return try withPositions([job(id, db)!], db)[0]
      }
    } catch {
      pictures.didRemove([id])
      throw error
    }
  }

  func job(_ id: UUID) async throws -> Job? {
    try await database.read { db in
      guard let job = try job(Self.name(id), db) else { return nil }
      return try withPositions([job], db)[0]
    }
  }

  private func job(_ id: String, _ db: any SQLConnection) throws -> Job? {
    try db.run("SELECT \(Self.columns) FROM nsarm_jobs WHERE id = ?1", .text(id)).first
      .map(decoded)
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

  /// The jobs with their positions in the queue.
  func withPositions(_ jobs: [Job], _ db: any SQLConnection) throws -> [Job] {
    guard let last = jobs.filter({ $0.state == .queued }).map(\.number).max() else { return jobs }
    let queue = try db.run(
      "SELECT number FROM nsarm_jobs WHERE state = 'queued' AND number <= ?1 ORDER BY number",
      .integer(last))
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
      revision: row.integer("revision")!, changed: row.integer("changed")!,
      state: Job.State(rawValue: row.text("state")!)!,
      order: try Self.value(row.text("description")!), created: date("created")!,
      started: date("started"), finished: finished,
      expires: finished?.addingTimeInterval(retention.seconds),
      progress: try row.text("progress").map(Self.value),
      preview: row.integer("preview").flatMap { $0 > 0 ? $0 : nil },
      resultBytes: row.integer("result_bytes"),
      warnings: try row.text("warnings").map(Self.value) ?? [], error: row.text("error"),
      isCancelling: row.integer("cancelling") == 1, seconds: row.real("seconds"),
      source: row.text("source").flatMap(UUID.init(uuidString:)))
  }

  static func name(_ id: UUID) -> String { id.uuidString.lowercased() }

  static func json(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  }

  private static func value<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }
}

/// The reasons why an operation on a job is not possible.
enum JobError: Error, Equatable {
  case queueFull(Int)
  case missing
  /// The job is in this final state, or belongs to another worker.
  case ended(String)
  /// The job is in this state, which is not final.
  case active(String)
}
