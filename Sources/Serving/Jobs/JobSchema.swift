import Foundation

/// The tables and their migrations.
enum JobSchema {
  typealias Step = @Sendable (any SQLConnection, any Database) throws -> Void

  /// The migration from each version to the next. Only those that have been released are never
  /// changed.
  static let steps: [Step] = [first, second]
  static var version: Int { steps.count }

  /// Creates or migrates the tables in one transaction.
  /// - Throws: `DatabaseFailure`, also if the tables are of a later version.
  static func prepare(_ database: any Database) async throws {
    try await prepare(database, upTo: version)
  }

  static func prepare(_ database: any Database, upTo version: Int) async throws {
    try await database.write { db in
      if let lock = database.dialect.countingLock { try db.run(lock) }
      try db.run("CREATE TABLE IF NOT EXISTS nsarm_schema (version BIGINT NOT NULL)")
      let found = try db.run("SELECT version FROM nsarm_schema").first?.integer("version") ?? 0
      guard found <= version else {
        throw DatabaseFailure(
          reason: .other,
          description:
            "the jobs are stored in version \(found) of the format, and this program"
            + " uses version \(version); use the program that wrote them, or another folder or database"
        )
      }
      for step in steps[found..<version] { try step(db, database) }
      if found < version {
        try db.run("DELETE FROM nsarm_schema")
        try db.run("INSERT INTO nsarm_schema VALUES (?1)", .integer(version))
      }
    }
  }

  /// Jobs, and their pictures in chunks.
  private static let first: Step = { db, database in
    let dialect = database.dialect
    try db.run(
      """
      CREATE TABLE nsarm_jobs (
        number \(dialect.serial), id TEXT NOT NULL UNIQUE, revision BIGINT NOT NULL,
        state TEXT NOT NULL, created \(dialect.real) NOT NULL, started \(dialect.real),
        finished \(dialect.real), description TEXT NOT NULL, progress TEXT, preview BIGINT,
        preview_bytes \(dialect.bytes), bytes BIGINT NOT NULL, result_bytes BIGINT, warnings TEXT,
        error TEXT, cancelling BIGINT NOT NULL, seconds \(dialect.real), worker TEXT,
        lease \(dialect.real), attempts BIGINT NOT NULL)
      """)
    try db.run("CREATE INDEX nsarm_jobs_state ON nsarm_jobs (state, number)")
    try db.run(
      """
      CREATE TABLE nsarm_parts (
        job TEXT NOT NULL, kind TEXT NOT NULL, number BIGINT NOT NULL,
        bytes \(dialect.bytes) NOT NULL, PRIMARY KEY (job, kind, number))
      """)
  }

  /// Numbers changes; replaces leases by heartbeats; moves SQLite's pictures to files; adds tables
  /// of workers, idempotency keys and webhooks.
  private static let second: Step = { db, database in
    for column in [
      "changed BIGINT NOT NULL DEFAULT 0", "beat BIGINT NOT NULL DEFAULT 0", "source TEXT",
    ] {
      try db.run("ALTER TABLE nsarm_jobs ADD COLUMN \(column)")
    }
    try db.run("ALTER TABLE nsarm_jobs DROP COLUMN lease")
    try db.run("UPDATE nsarm_jobs SET changed = number")
    try db.run("CREATE INDEX nsarm_jobs_changed ON nsarm_jobs (changed)")
    try db.run(
      """
      CREATE TABLE nsarm_changes (
        number BIGINT NOT NULL, forgotten BIGINT NOT NULL, identity TEXT NOT NULL)
      """)
    try db.run(
      "INSERT INTO nsarm_changes SELECT coalesce(max(changed), 0), 0, ?1 FROM nsarm_jobs",
      .text(UUID().uuidString.lowercased()))
    try db.run("CREATE TABLE nsarm_removed (changed BIGINT NOT NULL, id TEXT NOT NULL)")
    try db.run("CREATE INDEX nsarm_removed_changed ON nsarm_removed (changed)")
    try db.run(
      "CREATE TABLE nsarm_workers (name TEXT PRIMARY KEY, seen \(database.dialect.real) NOT NULL)")
    try IdempotencyKeys.createTable(db, database.dialect)
    try WebhookTable.createTable(db, database.dialect)
    if let folder = database.pictures as? PictureFolder { try moveParts(db, to: folder) }
  }

  /// Moves the pictures that earlier versions kept in SQLite's file to files of their own.
  private static func moveParts(_ db: any SQLConnection, to folder: PictureFolder) throws {
    let pictures = try db.run("SELECT DISTINCT job, kind FROM nsarm_parts")
    for picture in pictures {
      guard let job = picture.text("job"),
        let kind = picture.text("kind").flatMap(JobFiles.Kind.init)
      else { continue }
      try folder.put(PictureKey(job: job, kind: kind), db) { number in
        try db.run(
          "SELECT bytes FROM nsarm_parts WHERE job = ?1 AND kind = ?2 AND number = ?3",
          .text(job), .text(kind.rawValue), .integer(number)
        ).first?.bytes("bytes")
      }
    }
    try db.run("DROP TABLE nsarm_parts")
  }
}
