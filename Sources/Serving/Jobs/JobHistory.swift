import Foundation

/// A query for a page of jobs.
struct JobQuery: Sendable {
  /// The size of a page.
  var limit = 100
  /// Only jobs older than the one with this number; nil: the newest.
  var before: Int?
  /// The states to include; empty: all.
  var states: Set<Job.State> = []
  /// The requested model, and a part of the input's name.
  var model, name: String?
}

extension JobStore {
  /// Jobs, newest first.
  /// - Returns: also the cursor of the next page; nil after the last.
  func jobs(_ query: JobQuery) async throws -> (jobs: [Job], next: Int?) {
    try await database.read { db in
      var (page, before): ([Job], Int?) = ([], query.before)
      // The model and the name are inside the order's JSON, so they are filtered here.
      while true {
        let states = query.states.map { "'\($0.rawValue)'" }.sorted().joined(separator: ", ")
        let rows = try db.run(
          """
          SELECT \(Self.columns) FROM nsarm_jobs
          WHERE number < ?1\(states.isEmpty ? "" : " AND state IN (\(states))")
          ORDER BY number DESC LIMIT ?2
          """, .integer(before ?? Int.max), .integer(query.limit + 1))
        for job in try rows.map(decoded) where query.admits(job) { page.append(job) }
        if page.count > query.limit {
          page = Array(page.prefix(query.limit))
          return (try withPositions(page, db), page.last!.number)
        }
        guard rows.count > query.limit else { return (try withPositions(page, db), nil) }
        before = rows.last!.integer("number")
      }
    }
  }

  /// Takes a job out of the queue, or asks its worker to stop.
  /// - Throws: `JobError.missing`, `JobError.ended`.
  func cancel(_ id: UUID) async throws {
    try await write { db in
      guard try cancel(where: "id = ?1", [.text(Self.name(id))], db) == 0 else { return }
      let state = try state(id, db)
      if state != Job.State.cancelled.rawValue { throw JobError.ended(state) }
    }
  }

  /// Takes all jobs out of the queue and asks the workers to stop.
  /// - Returns: the number of jobs.
  func cancelAll() async throws -> Int {
    try await write { db in try cancel(where: "cancelling = 0", [], db) }
  }

  private func cancel(where condition: String, _ values: [SQLValue], _ db: any SQLConnection)
    throws -> Int
  {
    let rows = try db.run(
      """
      UPDATE nsarm_jobs SET cancelling = 1,
        finished = CASE WHEN state = 'queued' THEN \(now) END,
        state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
      WHERE state IN ('queued', 'running') AND \(condition) RETURNING id
      """, values)
    try recordChange(rows, db)
    return rows.count
  }

  /// Puts a job that failed or was cancelled back into the queue.
  /// - Throws: `JobError.missing`, `JobError.ended`, `JobError.active`.
  func retry(_ id: UUID) async throws {
    try await write { db in
      guard try retry(where: "id = ?1", [.text(Self.name(id))], db) == 0 else { return }
      let state = try state(id, db)
      throw state == Job.State.succeeded.rawValue ? JobError.ended(state) : JobError.active(state)
    }
  }

  /// Puts all jobs that failed or were cancelled back into the queue.
  /// - Returns: the number of jobs.
  func retryAll() async throws -> Int {
    try await write { db in try retry(where: "1 = 1", [], db) }
  }

  private func retry(where condition: String, _ values: [SQLValue], _ db: any SQLConnection)
    throws -> Int
  {
    let rows = try db.run(
      """
      UPDATE nsarm_jobs SET state = 'queued', cancelling = 0, attempts = 0, error = NULL,
        seconds = NULL, started = NULL, finished = NULL, progress = NULL
      WHERE state IN ('failed', 'cancelled') AND \(condition) RETURNING id
      """, values)
    try recordChange(rows, db)
    return rows.count
  }

  private func state(_ id: UUID, _ db: any SQLConnection) throws -> String {
    let row = try db.run("SELECT state FROM nsarm_jobs WHERE id = ?1", .text(Self.name(id))).first
    guard let state = row?.text("state") else { throw JobError.missing }
    return state
  }

  /// Removes a job with its pictures. A worker that has it stops soon.
  /// - Throws: `JobError.missing`.
  func remove(_ id: UUID) async throws {
    if try await remove(where: "id = ?1", .text(Self.name(id))) == 0 { throw JobError.missing }
  }

  func removeFinished() async throws {
    try await remove(where: "state NOT IN ('queued', 'running')")
  }

  /// - Returns: the number of jobs.
  @discardableResult
  func remove(where condition: String, _ values: SQLValue...) async throws -> Int {
    let (ids, number) = try await database.write { db in
      (try delete(where: condition, values, db), try Self.lastChange(db))
    }
    guard !ids.isEmpty else { return 0 }
    database.pictures.didRemove(ids)
    feed.notify(number)
    try await (database as? SQLiteDatabase)?.reclaimSpace()
    return ids.count
  }
}

extension JobQuery {
  fileprivate func admits(_ job: Job) -> Bool {
    if let model, job.order.settings.model != model { return false }
    if let name, job.order.input.name.range(of: name, options: .caseInsensitive) == nil {
      return false
    }
    return true
  }
}
