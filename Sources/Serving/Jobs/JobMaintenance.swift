import Foundation

/// Periodic maintenance.
extension JobStore {
  /// The heartbeats of the running jobs.
  func running() async throws -> [LeaseWatch.Beat] {
    try await database.read { db in
      try db.run("SELECT id, worker, beat FROM nsarm_jobs WHERE state = 'running'")
    }.compactMap { row in
      guard let id = row.text("id").flatMap(UUID.init(uuidString:)), let beat = row.integer("beat")
      else { return nil }
      return LeaseWatch.Beat(job: id, worker: row.text("worker") ?? "", beat: beat)
    }
  }

  /// Takes jobs from silent workers. They return to the queue, or end if they were being cancelled
  /// or have had too many attempts.
  func reclaim(_ silent: [LeaseWatch.Beat]) async throws {
    let now = now
    guard !silent.isEmpty else { return }
    try await write { db in
      for job in silent {
        let rows = try db.run(
          """
          UPDATE nsarm_jobs SET worker = NULL, progress = NULL,
            finished = CASE WHEN cancelling = 1 OR attempts >= ?4 THEN \(now) END,
            error = CASE WHEN cancelling = 0 AND attempts >= ?4 THEN ?5 END,
            state = CASE WHEN cancelling = 1 THEN 'cancelled'
              WHEN attempts >= ?4 THEN 'failed' ELSE 'queued' END
          WHERE id = ?1 AND worker = ?2 AND beat = ?3 AND state = 'running' RETURNING id
          """, .text(Self.name(job.job)), .text(job.worker), .integer(job.beat),
          .integer(Self.maximumAttempts),
          .text("the worker has stopped \(Self.maximumAttempts) times while restoring this picture")
        )
        try recordChange(rows, db)
      }
    }
  }

  /// Removes the oldest ended jobs for which the retention limit leaves no space.
  func removeExcess() async throws {
    try await remove(
      where: """
        state NOT IN ('queued', 'running') AND number IN (
          SELECT number FROM (
            SELECT number, sum(bytes) OVER (ORDER BY number DESC) AS total FROM nsarm_jobs
          ) AS sums WHERE total > ?1)
        """, .integer(retention.bytes))
  }

  /// Removes jobs that ended longer ago than the retention limit, by the database's clock.
  func removeExpired() async throws {
    try await remove(
      where: "state NOT IN ('queued', 'running') AND finished < \(now) - ?1",
      .real(retention.seconds))
  }

  /// The database's clock, in seconds since 1970.
  func time() async throws -> Double {
    let now = now
    return try await database.read { db in try db.run("SELECT \(now) AS now")[0].real("now")! }
  }

  /// A random identifier of this database.
  func identity() async throws -> String {
    try await database.read { db in
      try db.run("SELECT identity FROM nsarm_changes")[0].text("identity")!
    }
  }

  // MARK: Workers

  /// The time without a sign of life after which a worker is no longer counted, in seconds.
  private static let presence = 20.0

  /// Registers a worker or renews its registration.
  func register(_ worker: String) async throws {
    let now = now
    try await database.write { db in
      try db.run(
        """
        INSERT INTO nsarm_workers (name, seen) VALUES (?1, \(now))
        ON CONFLICT (name) DO UPDATE SET seen = excluded.seen
        """, .text(worker))
      try db.run("DELETE FROM nsarm_workers WHERE seen < \(now) - 86400")
    }
  }

  func unregister(_ worker: String) async throws {
    _ = try await database.write { db in
      try db.run("DELETE FROM nsarm_workers WHERE name = ?1", .text(worker))
    }
  }

  /// The number of workers in all processes.
  func workersAlive() async throws -> Int {
    let now = now
    return try await database.read { db in
      try db.run(
        "SELECT count(*) AS count FROM nsarm_workers WHERE seen > \(now) - ?1",
        .real(Self.presence))[0].integer("count")!
    }
  }
}
