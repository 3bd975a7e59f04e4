/// What somebody has to do from time to time.
extension JobStore {
  /// Ends jobs whose workers have died too often or before they heard of the cancellation, and
  /// removes what is older or more than is kept.
  func tidy() async throws {
    let now = now
    _ = try await database.write { db in
      try db.run(
        """
        UPDATE nsarm_jobs SET revision = revision + 1, worker = NULL, lease = NULL,
          finished = \(now), progress = NULL,
          error = CASE WHEN cancelling = 0 THEN ?2 END,
          state = CASE WHEN cancelling = 0 THEN 'failed' ELSE 'cancelled' END
        WHERE state = 'running' AND lease < \(now) AND (cancelling = 1 OR attempts >= ?1)
        """, .integer(Self.mostAttempts),
        .text("the program has ended \(Self.mostAttempts) times while it restored this picture"))
    }
    try await remove(
      where: "state NOT IN ('queued', 'running') AND finished < \(now) - ?1",
      .real(retention.seconds))
    // The newest are kept as far as the space goes.
    try await remove(
      where: """
        state NOT IN ('queued', 'running') AND number IN (
          SELECT number FROM (
            SELECT number, sum(bytes) OVER (ORDER BY number DESC) AS total FROM nsarm_jobs
          ) AS sums WHERE total > ?1)
        """, .integer(retention.bytes))
  }

  /// Puts jobs back into the queue whose workers are known to have died.
  func giveBack(from workers: [String]) async throws {
    try await database.write { db in
      for worker in workers {
        try db.run(
          """
          UPDATE nsarm_jobs SET state = 'queued', worker = NULL, lease = NULL, progress = NULL,
            revision = revision + 1
          WHERE worker = ?1 AND state = 'running' AND attempts < ?2
          """, .text(worker), .integer(Self.mostAttempts))
      }
    }
  }

  /// Names of the workers that have jobs.
  func workers() async throws -> [String] {
    try await database.read { db in
      try db.run("SELECT worker FROM nsarm_jobs WHERE state = 'running'")
    }.compactMap { $0.text("worker") }
  }

  func remove(where condition: String, _ values: SQLValue...) async throws {
    let count = try await database.write { db in
      let rows = try db.run("DELETE FROM nsarm_jobs WHERE \(condition) RETURNING id", values)
      for row in rows {
        try db.run("DELETE FROM nsarm_parts WHERE job = ?1", SQLValue(row.text("id")))
      }
      return rows.count
    }
    if count > 0 { try await giveBackSpace() }
  }

  func giveBackSpace() async throws {
    try await (database as? SQLiteDatabase)?.giveBackSpace()
  }
}
