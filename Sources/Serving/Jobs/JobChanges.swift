import Foundation

/// Every transaction that changes jobs takes the next number, so that a client that knows the
/// number of the last change it has seen can be sent the later ones.
extension JobStore {
  /// The changes after a given one.
  struct Changes: Sendable {
    var jobs: [Job]
    var removed: [UUID]
    /// The number of the last of these changes.
    var last: Int
  }

  /// The queued jobs, first to last.
  struct Queue: Equatable, Sendable {
    /// At most `JobStore.maximumListed`.
    var ids: [UUID]
    var count: Int
  }

  /// The number of removed jobs that are remembered.
  static let maximumRemembered = 10_000
  /// The number of queued jobs that are listed by their ids.
  static let maximumListed = 1000

  /// The number of the last change.
  static func lastChange(_ database: any Database) async throws -> Int {
    try await database.read { db in try lastChange(db) }
  }

  static func lastChange(_ db: any SQLConnection) throws -> Int {
    try db.run("SELECT number FROM nsarm_changes")[0].integer("number")!
  }

  /// The changes after a given one; nil if they are unknown or no longer remembered.
  func changes(after number: Int) async throws -> Changes? {
    try await database.read { db in
      let row = try db.run("SELECT number, forgotten FROM nsarm_changes")[0]
      let last = row.integer("number")!
      guard number >= row.integer("forgotten")!, number <= last else { return nil }
      let jobs = try db.run(
        """
        SELECT \(Self.columns) FROM nsarm_jobs WHERE changed > ?1 AND changed <= ?2
        ORDER BY changed, number
        """, .integer(number), .integer(last))
      let removed = try db.run(
        "SELECT id FROM nsarm_removed WHERE changed > ?1 AND changed <= ?2 ORDER BY changed",
        .integer(number), .integer(last))
      return Changes(
        jobs: try withPositions(jobs.map(decoded), db),
        removed: removed.map { UUID(uuidString: $0.text("id")!)! },
        last: last)
    }
  }

  /// All jobs that have not ended and the newest others, oldest first, in one snapshot.
  /// - Returns: also the cursor of the next page of `jobs(_:)`.
  func present(limit: Int) async throws -> (jobs: [Job], next: Int?, last: Int) {
    try await database.read { db in
      let last = try Self.lastChange(db)
      let newest = try db.run(
        "SELECT \(Self.columns) FROM nsarm_jobs ORDER BY number DESC LIMIT ?1", .integer(limit + 1))
      let page = Array(newest.prefix(limit))
      let oldest = page.last?.integer("number") ?? 0
      let active = try db.run(
        """
        SELECT \(Self.columns) FROM nsarm_jobs
        WHERE state IN ('queued', 'running') AND number < ?1 ORDER BY number DESC
        """, .integer(oldest))
      let jobs = try withPositions((page + active).map(decoded), db)
      return (jobs.reversed(), newest.count > limit ? oldest : nil, last)
    }
  }

  func queue() async throws -> Queue {
    try await database.read { db in
      let rows = try db.run(
        "SELECT id FROM nsarm_jobs WHERE state = 'queued' ORDER BY number LIMIT ?1",
        .integer(Self.maximumListed))
      let count = try db.run(
        "SELECT count(*) AS count FROM nsarm_jobs WHERE state = 'queued'")[0].integer("count")!
      return Queue(ids: rows.map { UUID(uuidString: $0.text("id")!)! }, count: count)
    }
  }

  /// Runs statements in one transaction and wakes those who wait for changes.
  func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
    async throws -> Value
  {
    let (value, number) = try await database.write { db in
      (try body(db), try Self.lastChange(db))
    }
    feed.notify(number)
    return value
  }

  /// Numbers a change of jobs; the last statement of a transaction on them.
  /// - Parameter rows: rows with the `id` of the jobs.
  func recordChange(_ rows: [SQLRow], _ db: any SQLConnection) throws {
    guard !rows.isEmpty else { return }
    let number = try Self.nextChange(db)
    for row in rows {
      try db.run(
        "UPDATE nsarm_jobs SET changed = ?1, revision = revision + 1 WHERE id = ?2",
        .integer(number), SQLValue(row.text("id")))
    }
  }

  /// Removes jobs.
  /// - Returns: their ids, for `didRemove` once the transaction has succeeded.
  func delete(where condition: String, _ values: [SQLValue], _ db: any SQLConnection) throws
    -> [String]
  {
    let ids = try db.run("DELETE FROM nsarm_jobs WHERE \(condition) RETURNING id", values)
      .compactMap { $0.text("id") }
    guard !ids.isEmpty else { return [] }
    try database.pictures.remove(ids, db)
    let number = try Self.nextChange(db)
    for id in ids {
      try db.run("INSERT INTO nsarm_removed VALUES (?1, ?2)", .integer(number), .text(id))
    }
    return ids
  }

  /// PostgreSQL locks the row until the transaction ends, so that numbers become visible in order.
  private static func nextChange(_ db: any SQLConnection) throws -> Int {
    try db.run("UPDATE nsarm_changes SET number = number + 1 RETURNING number")[0]
      .integer("number")!
  }

  /// Forgets all removals but the latest.
  func forgetRemovals() async throws {
    try await database.write { db in
      let oldest = try db.run(
        "SELECT changed FROM nsarm_removed ORDER BY changed DESC LIMIT 1 OFFSET ?1",
        .integer(Self.maximumRemembered)
      ).first?.integer("changed")
      guard let oldest else { return }
      try db.run("DELETE FROM nsarm_removed WHERE changed <= ?1", .integer(oldest))
      try db.run("UPDATE nsarm_changes SET forgotten = ?1", .integer(oldest))
    }
  }
}
