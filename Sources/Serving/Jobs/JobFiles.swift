import Files
import Foundation

/// The pictures of the jobs.
struct JobFiles: Sendable {
  enum Kind: String, CaseIterable {
    case input, result
    /// Versions of both that every browser can display.
    case inputDisplay = "input-display"
    case display
  }

  let database: any Database

  private var place: any PictureStorage { database.pictures }

  private func key(_ id: UUID, _ kind: Kind) -> PictureKey {
    PictureKey(job: JobStore.name(id), kind: kind)
  }

  /// The size of a picture in bytes; nil if there is none.
  func size(_ id: UUID, _ kind: Kind) async throws -> Int? {
    try await place.size(key(id, kind), database)
  }

  /// Passes a range of a picture to `take` in chunks of at most 1 MiB.
  /// - Throws: `JobError.missing` if there is no such picture.
  func stream(
    _ id: UUID, _ kind: Kind, _ range: Range<Int>, _ take: (Data) async throws -> Void
  ) async throws {
    try await place.read(key(id, kind), range, database, take)
  }

  /// Calls `body` with the path of a picture's file, which must not be modified.
  /// - Throws: `JobError.missing` if there is no such picture.
  func withFile<Value>(_ id: UUID, _ kind: Kind, _ body: (String) async throws -> Value)
    async throws -> Value
  {
    try await place.withFile(key(id, kind), database, body)
  }

  /// Keeps a picture derived from another one for as long as its job; does nothing if the job has
  /// been removed.
  /// - Throws: `FileError`, `DatabaseFailure`.
  func keep(_ id: UUID, _ kind: Kind, from path: String) async throws {
    let (key, place) = (key(id, kind), place)
    try await database.write { db in
      guard try !db.run("SELECT id FROM nsarm_jobs WHERE id = ?1", .text(key.job)).isEmpty else {
        return
      }
      let bytes = try place.put(path, key, db)
      try db.run(
        "UPDATE nsarm_jobs SET bytes = bytes + ?2 WHERE id = ?1", .text(key.job), .integer(bytes))
    }
  }

  /// The latest preview.
  func preview(_ id: UUID) async throws -> Data? {
    try await database.read { db in
      try db.run(
        "SELECT preview_bytes FROM nsarm_jobs WHERE id = ?1", .text(JobStore.name(id))
      ).first?.bytes("preview_bytes")
    }
  }
}

extension JobStore {
  var files: JobFiles { JobFiles(database: database) }
}
