/// The tables. Pictures are kept in parts beside the jobs, so that a job and its files appear,
/// change and vanish together, whatever happens in between, and any host sees both.
enum JobSchema {
  static let version = 1

  /// Creates what is missing.
  /// - Throws: `DatabaseFailure`, also where the tables are those of a later version.
  static func prepare(_ database: any Database) async throws {
    let dialect = database.dialect
    try await database.write { db in
      if let lock = dialect.countingLock { try db.run(lock) }
      try db.run(
        "CREATE TABLE IF NOT EXISTS nsarm_schema (version BIGINT NOT NULL)")
      if let found = try db.run("SELECT version FROM nsarm_schema").first?.integer("version") {
        guard found == version else {
          throw DatabaseFailure(
            reason: .other,
            description: "the jobs are of version \(found), this program's of \(version);"
              + " use the program that wrote them, or another folder or database")
        }
        return
      }
      try db.run("INSERT INTO nsarm_schema VALUES (?1)", .integer(version))
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
  }
}
