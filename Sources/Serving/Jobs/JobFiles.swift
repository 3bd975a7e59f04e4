import Files
import Foundation

/// The pictures of the jobs, which the database keeps in parts.
struct JobFiles: Sendable {
  enum Kind: String { case input, result }

  let database: any Database

  /// Bytes of a part, which is what is held in memory of a picture.
  private static let partSize = 1 << 20

  /// Puts a file into the database, within the transaction of `db`.
  /// - Returns: its bytes.
  static func write(_ path: String, job: String, _ kind: Kind, _ db: any SQLConnection) throws
    -> Int
  {
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw FileError.unwritable(path: path, reason: "it is not there any more")
    }
    defer { try? file.close() }
    var (count, number) = (0, 0)
    while let part = try file.read(upToCount: partSize), !part.isEmpty {
      try db.run(
        "INSERT INTO nsarm_parts (job, kind, number, bytes) VALUES (?1, ?2, ?3, ?4)",
        .text(job), .text(kind.rawValue), .integer(number), .bytes(part))
      count += part.count
      number += 1
    }
    return count
  }

  /// A part of a picture; nil after the last.
  func part(_ id: UUID, _ kind: Kind, _ number: Int) async throws -> Data? {
    try await database.read { db in
      try db.run(
        "SELECT bytes FROM nsarm_parts WHERE job = ?1 AND kind = ?2 AND number = ?3",
        .text(JobStore.name(id)), .text(kind.rawValue), .integer(number)
      ).first?.bytes("bytes")
    }
  }

  /// Writes a picture to a file.
  /// - Throws: `JobError.missing` where there is none.
  func copy(_ id: UUID, _ kind: Kind, to path: String) async throws {
    let file = try AtomicFile(path)
    defer { file.discard() }
    var number = 0
    while let part = try await part(id, kind, number) {
      try part.withUnsafeBytes { try file.write($0) }
      number += 1
    }
    guard number > 0 else { throw JobError.missing }
    try file.commit()
  }

  /// The last preview, as JPEG.
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
