import Files
import Foundation

/// Uploads that clients give names, so that one that is sent again, since its answer was lost, is
/// not restored twice.
struct IdempotencyKeys: Sendable {
  let database: any Database

  /// An upload with a name.
  struct Claim: Equatable, Sendable {
    /// What the client calls it, in a form of one length.
    let key: String
    /// Of everything that it asks for.
    let fingerprint: String
  }

  /// Why a name is not to be had: somebody has had it since it was last looked for.
  struct Taken: Error {}

  /// Seconds for which names are remembered.
  private static let lifetime = 86400.0

  /// Creates the table. Dates are of the database's own clock.
  static func createTable(_ db: any SQLConnection, _ dialect: SQLDialect) throws {
    try db.run(
      """
      CREATE TABLE nsarm_keys (
        key TEXT NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL, job TEXT NOT NULL,
        created \(dialect.real) NOT NULL)
      """)
  }

  /// What is kept of a client's name for an upload.
  /// - Throws: `InvalidSetting` where it is none.
  static func key(_ name: String) throws -> String {
    guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
    else {
      throw InvalidSetting("Idempotency-Key: 1 to 255 characters of ASCII are wanted")
    }
    let sum = Checksum(.sha256)
    Data("POST /v1/restorations\0\(name)".utf8).withUnsafeBytes { sum.update($0) }
    return sum.digits
  }

  /// The fingerprint of an upload. It reads the file, and blocks the thread.
  static func fingerprint(picture path: String, name: String, _ settings: RestorationSettings)
    throws -> String
  {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let sum = Checksum(.sha256)
    (Data("\(name)\0".utf8) + (try encoder.encode(settings)) + [0])
      .withUnsafeBytes { sum.update($0) }
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    while let part = try file.read(upToCount: 1 << 20), !part.isEmpty {
      part.withUnsafeBytes { sum.update($0) }
    }
    return sum.digits
  }

  /// Whether something has been taken under a name.
  func isKnown(_ key: String) async throws -> Bool { try await row(key) != nil }

  /// What has been made of an upload of this name; nil: there was none.
  /// - Throws: `Problem` where it was another one.
  func job(_ claim: Claim) async throws -> UUID? {
    guard let row = try await row(claim.key) else { return nil }
    guard row.text("fingerprint") == claim.fingerprint else {
      throw Problem(
        .unprocessableContent, "idempotency_key_reused",
        "another picture, or one with other settings, was sent with this Idempotency-Key")
    }
    return row.text("job").flatMap(UUID.init(uuidString:))
  }

  private func row(_ key: String) async throws -> SQLRow? {
    let now = database.dialect.now
    return try await database.read { db in
      try db.run(
        "SELECT fingerprint, job FROM nsarm_keys WHERE key = ?1 AND created > \(now) - ?2",
        .text(key), .real(Self.lifetime)
      ).first
    }
  }

  /// Gives a job its name, in the transaction that adds it: both are there or none.
  /// - Throws: `Taken`.
  static func keep(_ claim: Claim, job: String, _ db: any SQLConnection, _ dialect: SQLDialect)
    throws
  {
    try db.run(
      "DELETE FROM nsarm_keys WHERE created <= \(dialect.now) - ?1", .real(Self.lifetime))
    let rows = try db.run(
      """
      INSERT INTO nsarm_keys (key, fingerprint, job, created)
      VALUES (?1, ?2, ?3, \(dialect.now)) ON CONFLICT (key) DO NOTHING RETURNING key
      """, .text(claim.key), .text(claim.fingerprint), .text(job))
    guard !rows.isEmpty else { throw Taken() }
  }
}
