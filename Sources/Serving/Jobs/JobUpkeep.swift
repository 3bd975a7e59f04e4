import Foundation

/// What somebody has to do from time to time.
extension JobStore {
  /// What is known of the jobs that are being restored.
  func running() async throws -> [LeaseWatch.Beat] {
    try await database.read { db in
      try db.run("SELECT id, worker, beat FROM nsarm_jobs WHERE state = 'running'")
    }.compactMap { row in
      guard let id = row.text("id").flatMap(UUID.init(uuidString:)), let beat = row.integer("beat")
      else { return nil }
      return LeaseWatch.Beat(job: id, worker: row.text("worker") ?? "", beat: beat)
    }
  }

  /// Takes jobs from workers that are not heard of any more: they wait again, or end where they
  /// were to be cancelled or have cost too many workers.
  func takeBack(_ silent: [LeaseWatch.Beat]) async throws {
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
          .integer(Self.mostAttempts),
          .text("the program has ended \(Self.mostAttempts) times while it restored this picture"))
        try mark(rows, db)
      }
    }
  }

  /// Removes what is more than is kept; the newest are kept as far as the space goes.
  func removeExcess() async throws {
    try await remove(
      where: """
        state NOT IN ('queued', 'running') AND number IN (
          SELECT number FROM (
            SELECT number, sum(bytes) OVER (ORDER BY number DESC) AS total FROM nsarm_jobs
          ) AS sums WHERE total > ?1)
        """, .integer(retention.bytes))
  }

  /// Removes what is older than is kept, by the database's clock.
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

  /// Tells this database from all others.
  func identity() async throws -> String {
    try await database.read { db in
      try db.run("SELECT identity FROM nsarm_changes")[0].text("identity")!
    }
  }

  // MARK: Workers

  /// A worker that has not told for so long that it lives counts no more, in seconds.
  private static let presence = 20.0

  /// Tells that a worker lives.
  func isPresent(_ worker: String) async throws {
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

  func isLeaving(_ worker: String) async throws {
    _ = try await database.write { db in
      try db.run("DELETE FROM nsarm_workers WHERE name = ?1", .text(worker))
    }
  }

  /// How many workers there are, of all processes.
  func workersAlive() async throws -> Int {
    let now = now
    return try await database.read { db in
      try db.run(
        "SELECT count(*) AS count FROM nsarm_workers WHERE seen > \(now) - ?1",
        .real(Self.presence))[0].integer("count")!
    }
  }
}
