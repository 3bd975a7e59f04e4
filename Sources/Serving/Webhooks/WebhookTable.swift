import Foundation

/// Pending webhooks, stored beside the jobs, so that a restart loses none.
struct WebhookTable: Sendable {
  let database: any Database

  /// A message to send.
  struct Message: Sendable {
    let job: UUID
    let url: String
    /// The number of attempts, including this one.
    let attempt: Int
  }

  /// The pauses in seconds after the first attempt, the second, ...; after the last one, the
  /// message is given up.
  static let pauses: [Double] = [5, 60, 300, 1800, 7200, 18000, 36000, 36000, 86400]
  /// The time in seconds after which another process may take over a claimed message.
  private static let lease = 120.0

  /// Creates the table. A row exists as long as its job; `told` is the time at which the job had
  /// ended when the last message was sent.
  static func createTable(_ db: any SQLConnection, _ dialect: SQLDialect) throws {
    try db.run(
      """
      CREATE TABLE nsarm_webhooks (
        job TEXT NOT NULL PRIMARY KEY, url TEXT NOT NULL, attempts BIGINT NOT NULL,
        next \(dialect.real) NOT NULL, told \(dialect.real))
      """)
  }

  /// Stores a webhook, in the transaction that adds the job.
  static func keep(_ url: String, job: String, _ db: any SQLConnection) throws {
    try db.run(
      "INSERT INTO nsarm_webhooks (job, url, attempts, next) VALUES (?1, ?2, 0, 0)", .text(job),
      .text(url))
  }

  private static func due(_ now: String) -> String {
    """
    next <= \(now) AND EXISTS (
      SELECT 1 FROM nsarm_jobs
      WHERE id = nsarm_webhooks.job AND state NOT IN ('queued', 'running')
        AND (told IS NULL OR told <> finished))
    """
  }

  /// Claims the next message for a while.
  func claim() async throws -> Message? {
    let (now, skipsLocked) = (database.dialect.now, database.dialect.skipsLocked)
    let due = Self.due(now)
    // A read first, which needs no write lock.
    let isDue = try await database.read { db in
      try !db.run("SELECT job FROM nsarm_webhooks WHERE \(due) LIMIT 1").isEmpty
    }
    guard isDue else { return nil }
    let row = try await database.write { db in
      try db.run(
        """
        UPDATE nsarm_webhooks SET attempts = attempts + 1, next = \(now) + ?1
        WHERE job = (
          SELECT job FROM nsarm_webhooks WHERE \(due) ORDER BY next LIMIT 1 \(skipsLocked))
        RETURNING job, url, attempts
        """, .real(Self.lease)
      ).first
    }
    return row.map {
      Message(
        job: UUID(uuidString: $0.text("job")!)!, url: $0.text("url")!,
        attempt: $0.integer("attempts")!)
    }
  }

  /// Notes that the message was delivered or given up.
  /// - Parameter job: the job as it was in the message.
  func finish(_ job: Job) async throws {
    let finished = job.finished?.timeIntervalSince1970
    _ = try await database.write { db in
      // Drops webhooks of jobs that have been removed.
      try db.run("DELETE FROM nsarm_webhooks WHERE job NOT IN (SELECT id FROM nsarm_jobs)")
      try db.run(
        "UPDATE nsarm_webhooks SET told = ?2, attempts = 0, next = 0 WHERE job = ?1",
        .text(JobStore.name(job.id)), SQLValue(finished))
    }
  }

  /// Schedules another attempt.
  /// - Parameter seconds: the delay.
  func postpone(_ id: UUID, by seconds: Double) async throws {
    let now = database.dialect.now
    _ = try await database.write { db in
      try db.run(
        "UPDATE nsarm_webhooks SET next = \(now) + ?2 WHERE job = ?1", .text(JobStore.name(id)),
        .real(seconds))
    }
  }
}
