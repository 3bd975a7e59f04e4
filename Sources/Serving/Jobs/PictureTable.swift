import Files
import Foundation

/// Pictures as chunks in a database table, which every host can read.
struct PictureTable: PictureStorage {
  var scratch: String? { nil }

  /// The size of a chunk in bytes, which bounds the memory for a picture.
  private static let partSize = 1 << 20

  /// The server reports a lack of space itself.
  func requireRoom(for bytes: Int) {}

  func put(_ path: String, _ key: PictureKey, _ db: any SQLConnection) throws -> Int {
    guard let file = FileHandle(forReadingAtPath: path) else { throw FileError.system(path) }
    defer { try? file.close() }
    try db.run(
      "DELETE FROM nsarm_parts WHERE job = ?1 AND kind = ?2", .text(key.job),
      .text(key.kind.rawValue))
    var (count, number) = (0, 0)
    while let part = try file.read(upToCount: Self.partSize), !part.isEmpty {
      try db.run(
        "INSERT INTO nsarm_parts (job, kind, number, bytes) VALUES (?1, ?2, ?3, ?4)",
        .text(key.job), .text(key.kind.rawValue), .integer(number), .bytes(part))
      count += part.count
      number += 1
    }
    return count
  }

  func duplicate(_ key: PictureKey, for job: String, _ db: any SQLConnection) throws {
    let rows = try db.run(
      """
      INSERT INTO nsarm_parts (job, kind, number, bytes)
      SELECT ?1, kind, number, bytes FROM nsarm_parts WHERE job = ?2 AND kind = ?3
      RETURNING number
      """, .text(job), .text(key.job), .text(key.kind.rawValue))
    if rows.isEmpty { throw JobError.missing }
  }

  func size(_ key: PictureKey, _ database: any Database) async throws -> Int? {
    try await database.read { db in
      try db.run(
        "SELECT sum(length(bytes))::bigint AS size FROM nsarm_parts WHERE job = ?1 AND kind = ?2",
        .text(key.job), .text(key.kind.rawValue)
      ).first?.integer("size")
    }
  }

  func read(
    _ key: PictureKey, _ range: Range<Int>, _ database: any Database,
    _ take: (Data) async throws -> Void
  ) async throws {
    guard !range.isEmpty else { return }
    for number in range.lowerBound / Self.partSize...(range.upperBound - 1) / Self.partSize {
      guard let part = try await part(key, number, database) else { throw JobError.missing }
      let start = number * Self.partSize
      let wanted = range.clamped(to: start..<start + part.count)
      try await take(part.subdata(in: wanted.lowerBound - start..<wanted.upperBound - start))
    }
  }

  func withFile<Value>(
    _ key: PictureKey, _ database: any Database, _ body: (String) async throws -> Value
  ) async throws -> Value {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let file = try AtomicFile(folder.path + "/picture")
    defer { file.discard() }
    var number = 0
    while let part = try await part(key, number, database) {
      try part.withUnsafeBytes { try file.write($0) }
      number += 1
    }
    guard number > 0 else { throw JobError.missing }
    try file.commit()
    return try await body(file.path)
  }

  private func part(_ key: PictureKey, _ number: Int, _ database: any Database) async throws
    -> Data?
  {
    try await database.read { db in
      try db.run(
        "SELECT bytes FROM nsarm_parts WHERE job = ?1 AND kind = ?2 AND number = ?3",
        .text(key.job), .text(key.kind.rawValue), .integer(number)
      ).first?.bytes("bytes")
    }
  }

  func remove(_ jobs: [String], _ db: any SQLConnection) throws {
    for job in jobs { try db.run("DELETE FROM nsarm_parts WHERE job = ?1", .text(job)) }
  }

  func didRemove(_ jobs: [String]) {}
  func sweep(_ database: any Database) {}
}
