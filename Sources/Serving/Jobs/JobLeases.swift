import Foundation

/// What workers do.
extension JobStore {
  /// The next job, on lease.
  /// - Parameter worker: names the worker; no other has the name.
  func claim(_ worker: String) async throws -> Job? {
    let (now, lease, skipsLocked) = (now, lease, database.dialect.skipsLocked)
    let row = try await database.write { db in
      try db.run(
        """
        UPDATE nsarm_jobs SET state = 'running', worker = ?1, lease = \(now) + ?2,
          started = coalesce(started, \(now)), attempts = attempts + 1, revision = revision + 1,
          progress = NULL
        WHERE id = (
          SELECT id FROM nsarm_jobs
          WHERE state = 'queued' OR (state = 'running' AND lease < \(now) AND attempts < ?3)
          ORDER BY number LIMIT 1 \(skipsLocked))
        RETURNING \(Self.columns)
        """, .text(worker), .real(lease), .integer(Self.mostAttempts)
      ).first
    }
    return try row.map(decoded)
  }

  /// Tells how far the work is and renews the lease.
  /// - Parameter preview: JPEG; nil: as it was.
  /// - Throws: `JobError.ended` where the work has to end: the job is cancelled, removed, or
  ///   somebody else's by now.
  func report(_ id: UUID, _ worker: String, _ progress: Job.Progress?, preview: Data?)
    async throws
  {
    let (now, lease, text) = (now, lease, try progress.map(Self.json))
    let rows = try await database.write { db in
      try db.run(
        """
        UPDATE nsarm_jobs SET lease = \(now) + ?3, progress = coalesce(?4, progress),
          preview_bytes = coalesce(?5, preview_bytes),
          preview = coalesce(preview, 0) + ?6,
          revision = revision + ?7
        WHERE id = ?1 AND worker = ?2 AND state = 'running' AND cancelling = 0 RETURNING id
        """, .text(Self.name(id)), .text(worker), .real(lease), SQLValue(text),
        preview.map(SQLValue.bytes) ?? .null, .integer(preview == nil ? 0 : 1),
        .integer(progress == nil && preview == nil ? 0 : 1))
    }
    if rows.isEmpty { throw JobError.ended("elsewhere") }
  }

  /// What became of a job.
  enum Outcome: Sendable {
    /// - Parameter result: the picture's file, which is copied.
    case succeeded(result: String, warnings: [String])
    case failed(String)
    case cancelled
    /// The worker is going; another one may begin anew.
    case givenBack
  }

  /// Ends a job. Does nothing where it is the worker's no longer.
  /// - Throws: `FileError.noRoom` for a result that cannot be kept; `DatabaseFailure`.
  func finish(_ id: UUID, _ worker: String, _ outcome: Outcome, seconds: Double) async throws {
    let (now, id) = (now, Self.name(id))
    if case .succeeded(let result, _) = outcome {
      let size = try FileManager.default.attributesOfItem(atPath: result)[.size] as? Int
      try database.requireRoom(for: size ?? 0)
    }
    try await database.write { db in
      func set(_ text: String, _ values: SQLValue...) throws -> Bool {
        try !db.run(
          """
          UPDATE nsarm_jobs SET revision = revision + 1, worker = NULL, lease = NULL,
            progress = NULL, \(text)
          WHERE id = ?1 AND worker = ?2 AND state = 'running' RETURNING id
          """, [.text(id), .text(worker)] + values
        ).isEmpty
      }
      func end(_ state: Job.State, _ error: String?) throws -> Bool {
        try set(
          "state = '\(state.rawValue)', finished = \(now), error = ?3, seconds = ?4",
          SQLValue(error), .real(seconds))
      }
      switch outcome {
      case .succeeded(let result, let warnings):
        guard try end(.succeeded, nil) else { return }
        let bytes = try JobFiles.write(result, job: id, .result, db)
        try db.run(
          """
          UPDATE nsarm_jobs SET result_bytes = ?2, bytes = bytes + ?2, warnings = ?3
          WHERE id = ?1
          """, .text(id), .integer(bytes), .text(try Self.json(warnings)))
      case .failed(let reason): _ = try end(.failed, reason)
      case .cancelled: _ = try end(.cancelled, nil)
      case .givenBack: _ = try set("state = 'queued', attempts = attempts - 1")
      }
    }
  }
}
