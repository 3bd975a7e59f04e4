import Foundation

/// The operations of workers.
extension JobStore {
  /// Leases the next job to a worker.
  /// - Parameter worker: a name that no other worker has.
  func claim(_ worker: String) async throws -> Job? {
    let (now, skipsLocked) = (now, database.dialect.skipsLocked)
    // A read first: idle workers need not wait for each other's write locks.
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
      try recordChange(rows, db)
      return try decoded(
        db.run("SELECT \(Self.columns) FROM nsarm_jobs WHERE id = ?1", .text(id))[0])
    }
  }

  /// Reports progress and renews the lease.
  /// - Parameter preview: a picture file; nil: unchanged.
  /// - Throws: `JobError.ended` if the work must stop: the job has been cancelled, removed or given
  ///   to another worker.
  func report(_ id: UUID, _ worker: String, _ progress: Job.Progress?, preview: Data?)
    async throws
  {
    let text = try progress.map(Self.json)
    let hasNews = progress != nil || preview != nil
    let (isOurs, number) = try await database.write { db in
      let rows = try db.run(
        """
        UPDATE nsarm_jobs SET beat = beat + 1, progress = coalesce(?3, progress),
          preview_bytes = coalesce(?4, preview_bytes), preview = coalesce(preview, 0) + ?5
        WHERE id = ?1 AND worker = ?2 AND state = 'running' AND cancelling = 0 RETURNING id
        """, .text(Self.name(id)), .text(worker), SQLValue(text),
        preview.map(SQLValue.bytes) ?? .null, .integer(preview == nil ? 0 : 1))
      if hasNews { try recordChange(rows, db) }
      return (!rows.isEmpty, hasNews ? try Self.lastChange(db) : nil)
    }
    if let number { feed.notify(number) }
    if !isOurs { throw JobError.ended("elsewhere") }
  }

  /// The outcome of a job.
  enum Outcome: Sendable {
    /// - Parameters:
    ///   - result: the path of the picture, which is not modified from now on.
    ///   - thumbnail: a small version of the result; nil: the last preview stays.
    case succeeded(result: String, thumbnail: Data?, warnings: [String])
    case failed(String)
    case cancelled
    /// The worker is shutting down; another one may start over.
    case requeued
  }

  /// Ends a job. Does nothing if the worker no longer has it.
  /// - Parameter isLate: whether the database was unavailable when the work was done. The result is
  ///   then accepted whoever has the job, unless there is one already.
  /// - Throws: `FileError.noRoom` if the result cannot be stored; `DatabaseFailure`.
  func finish(
    _ id: UUID, _ worker: String, _ outcome: Outcome, seconds: Double, isLate: Bool = false
  ) async throws {
    let (now, id, pictures) = (now, Self.name(id), database.pictures)
    if case .succeeded(let result, _, _) = outcome {
      let size = try FileManager.default.attributesOfItem(atPath: result)[.size] as? Int
      // A file that is renamed takes no further space.
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
        try recordChange(rows, db)
      case .failed(let reason): try recordChange(end(.failed, reason), db)
      case .cancelled: try recordChange(end(.cancelled, nil), db)
      case .requeued:
        try recordChange(set("state = 'queued', attempts = attempts - 1"), db)
      }
    }
  }
}
