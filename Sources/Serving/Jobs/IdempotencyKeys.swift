import Files
import Foundation

/// Keys that clients give to uploads, so that an upload that is repeated because its response was
/// lost is restored only once.
struct IdempotencyKeys: Sendable {
  let database: any Database

  /// An upload with a key.
  struct Claim: Equatable, Sendable {
    /// The hash of the client's key.
    let key: String
    /// The hash of everything that the request asks for.
    let fingerprint: String
  }

  /// Thrown if another request has taken the key since it was looked up.
  struct Taken: Error {}

  /// The lifetime of a key in seconds.
  private static let lifetime = 86400.0

  /// Creates the table. Dates are those of the database's clock.
  static func createTable(_ db: any SQLConnection, _ dialect: SQLDialect) throws {
    try db.run(
      """
      CREATE TABLE nsarm_keys (
        key TEXT NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL, job TEXT NOT NULL,
        created \(dialect.real) NOT NULL)
      """)
  }

  /// The hash of a client's key.
  /// - Throws: `InvalidSetting` if the key is not valid.
  static func key(_ name: String) throws -> String {
    guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ (0x20...0x7e).contains($0) })
    else {
      throw InvalidSetting("Idempotency-Key: must have 1 to 255 printable ASCII characters")
    }
    let sum = Checksum(.sha256)
    Data("POST /v1/restorations\0\(name)".utf8).withUnsafeBytes { sum.update($0) }
    return sum.digits
  }

  /// The fingerprint of an upload. Reads the file and blocks the thread.
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

  /// Whether an upload with the key has been accepted.
  func isKnown(_ key: String) async throws -> Bool { try await row(key) != nil }

  /// The job of the upload with this key; nil: there is none.
  /// - Throws: `Problem` if it was a different upload.
  func job(_ claim: Claim) async throws -> UUID? {
    guard let row = try await row(claim.key) else { return nil }
    guard row.text("fingerprint") == claim.fingerprint else {
      throw Problem(
        .unprocessableContent, "idempotency_key_reused",
        "this Idempotency-Key was used for another picture or other settings")
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

  /// Stores a job's key, in the transaction that adds the job.
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
