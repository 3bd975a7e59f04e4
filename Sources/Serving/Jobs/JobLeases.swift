import Foundation

/// What workers do.
extension JobStore {
  /// The next job, on lease.
  /// - Parameter worker: names the worker; no other has the name.
  func claim(_ worker: String) async throws -> Job? {
    let (now, skipsLocked) = (now, database.dialect.skipsLocked)
    // To look first keeps workers that have nothing to do from waiting for each other.
    guard
      try await database.read({ db in
        try !db.run("SELECT id FROM nsarm_jobs WHERE state = 'queued' LIMIT 1").isEmpty
      })
    else { return nil }
    return try await write { db in
      let rows = try db.run(
        """
        UPDATE nsarm_jobs SET state = 'running', worker = ?1, beat = beat + 1,
          started = coalesce(started, \(now)), attempts = attempts + 1, progress = NULL
        WHERE id = (
          SELECT id FROM nsarm_jobs WHERE state = 'queued' ORDER BY number LIMIT 1 \(skipsLocked))
        RETURNING id
        """, .text(worker))
      guard let id = rows.first?.text("id") else { return nil }
      try mark(rows, db)
      return try decoded(
        db.run("SELECT \(Self.columns) FROM nsarm_jobs WHERE id = ?1", .text(id))[0])
    }
  }

  /// Tells how far the work is, and that the worker lives.
  /// - Parameter preview: a picture; nil: as it was.
  /// - Throws: `JobError.ended` where the work has to end: the job is cancelled, removed, or
  ///   somebody else's by now.
  func report(_ id: UUID, _ worker: String, _ progress: Job.Progress?, preview: Data?)
    async throws
  {
    let text = try progress.map(Self.json)
    let hasNews = progress != nil || preview != nil
    let isOurs = try await database.write { db in
      let rows = try db.run(
        """
        UPDATE nsarm_jobs SET beat = beat + 1, progress = coalesce(?3, progress),
          preview_bytes = coalesce(?4, preview_bytes), preview = coalesce(preview, 0) + ?5
        WHERE id = ?1 AND worker = ?2 AND state = 'running' AND cancelling = 0 RETURNING id
        """, .text(Self.name(id)), .text(worker), SQLValue(text),
        preview.map(SQLValue.bytes) ?? .null, .integer(preview == nil ? 0 : 1))
      if hasNews { try mark(rows, db) }
      return !rows.isEmpty
    }
    if hasNews { feed.poke() }
    if !isOurs { throw JobError.ended("elsewhere") }
  }

  /// What became of a job.
  enum Outcome: Sendable {
    /// - Parameters:
    ///   - result: the picture's file, which is not changed from now on.
    ///   - thumbnail: the result, small; nil: the last preview stays.
    case succeeded(result: String, thumbnail: Data?, warnings: [String])
    case failed(String)
    case cancelled
    /// The worker is going; another one may begin anew.
    case givenBack
  }

  /// Ends a job. Does nothing where it is the worker's no longer.
  /// - Parameter isLate: the database was away when the work was done: then the result is taken
  ///   unless there is one already, whoever has the job.
  /// - Throws: `FileError.noRoom` for a result that cannot be kept; `DatabaseFailure`.
  func finish(
    _ id: UUID, _ worker: String, _ outcome: Outcome, seconds: Double, isLate: Bool = false
  ) async throws {
    let (now, id, pictures) = (now, Self.name(id), database.pictures)
    if case .succeeded(let result, _, _) = outcome {
      let size = try FileManager.default.attributesOfItem(atPath: result)[.size] as? Int
      // What is renamed is on the disk already.
      try database.requireRoom(for: pictures.scratch == nil ? size ?? 0 : 0)
    }
    let owner =
      isLate
      ? "cancelling = 0 AND (worker = ?2 OR state IN ('queued', 'running'))" : "worker = ?2"
    try await write { db in
      func set(_ text: String, _ values: SQLValue...) throws -> [SQLRow] {
        try db.run(
          """
          UPDATE nsarm_jobs SET worker = NULL, progress = NULL, \(text)
          WHERE id = ?1 AND \(owner) AND state IN ('running', 'queued') RETURNING id
          """, [.text(id), .text(worker)] + values)
      }
      func end(_ state: Job.State, _ error: String?) throws -> [SQLRow] {
        try set(
          "state = '\(state.rawValue)', finished = \(now), error = ?3, seconds = ?4",
          SQLValue(error), .real(seconds))
      }
      switch outcome {
      case .succeeded(let result, let thumbnail, let warnings):
        let rows = try end(.succeeded, nil)
        guard !rows.isEmpty else { return }
        let bytes = try pictures.put(result, PictureKey(job: id, kind: .result), db)
        try db.run(
          """
          UPDATE nsarm_jobs SET result_bytes = ?2, bytes = bytes + ?2, warnings = ?3,
            preview_bytes = coalesce(?4, preview_bytes), preview = coalesce(preview, 0) + ?5
          WHERE id = ?1
          """, .text(id), .integer(bytes), .text(try Self.json(warnings)),
          thumbnail.map(SQLValue.bytes) ?? .null, .integer(thumbnail == nil ? 0 : 1))
        try mark(rows, db)
      case .failed(let reason): try mark(end(.failed, reason), db)
      case .cancelled: try mark(end(.cancelled, nil), db)
      case .givenBack:
        try mark(set("state = 'queued', attempts = attempts - 1"), db)
      }
    }
  }
}
