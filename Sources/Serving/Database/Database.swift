import Files
import Foundation

/// A database of jobs: SQLite for one machine, PostgreSQL for several. Both accept the SQL of
/// `JobStore`, with parameters `?1`, `?2`, ...
protocol Database: Sendable {
  var dialect: SQLDialect { get }
  /// The storage of the jobs' pictures.
  var pictures: any PictureStorage { get }

  /// See `PictureStorage.requireRoom(for:)`.
  func requireRoom(for bytes: Int) throws

  /// Runs statements that modify nothing.
  func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
    async throws -> Value

  /// Runs statements in one transaction, which is rolled back if an error is thrown.
  func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
    async throws -> Value
}

extension Database {
  func requireRoom(for bytes: Int) throws { try pictures.requireRoom(for: bytes) }
}

protocol SQLConnection {
  @discardableResult
  func run(_ sql: String, _ values: [SQLValue]) throws -> [SQLRow]
}

extension SQLConnection {
  @discardableResult
  func run(_ sql: String, _ values: SQLValue...) throws -> [SQLRow] { try run(sql, values) }
}

/// The differences between the two SQL dialects.
struct SQLDialect: Sendable {
  /// The database's own clock in seconds since 1970, since the clocks of workers may differ.
  let now: String
  /// The type of an auto-incrementing primary key.
  let serial: String
  let bytes: String
  let real: String
  /// Appended to a SELECT inside an UPDATE: skips rows that another transaction has locked.
  let skipsLocked: String
  /// Serialises transactions that count the jobs before they add one; nil if they are serial
  /// anyway.
  let countingLock: String?

  static let sqlite = SQLDialect(
    now: "((julianday('now') - 2440587.5) * 86400.0)",
    serial: "INTEGER PRIMARY KEY AUTOINCREMENT", bytes: "BLOB", real: "REAL", skipsLocked: "",
    countingLock: nil)
  static let postgres = SQLDialect(
    now: "(extract(epoch FROM clock_timestamp())::float8)", serial: "BIGSERIAL PRIMARY KEY",
    bytes: "BYTEA", real: "DOUBLE PRECISION", skipsLocked: "FOR UPDATE SKIP LOCKED",
    countingLock: "SELECT pg_advisory_xact_lock(7369601)")
}

/// A value of a statement's parameter or of a row.
enum SQLValue: Equatable, Sendable {
  case null
  case integer(Int)
  case real(Double)
  case text(String)
  case bytes(Data)

  init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
  init(_ number: Int?) { self = number.map(SQLValue.integer) ?? .null }
  init(_ number: Double?) { self = number.map(SQLValue.real) ?? .null }
}

struct SQLRow: Sendable {
  private let values: [String: SQLValue]

  init(_ values: [String: SQLValue]) { self.values = values }

  func text(_ column: String) -> String? {
    if case .text(let text)? = values[column] { text } else { nil }
  }

  func integer(_ column: String) -> Int? {
    if case .integer(let number)? = values[column] { number } else { nil }
  }

  func real(_ column: String) -> Double? {
    switch values[column] {
    case .real(let number): number
    case .integer(let number): Double(number)
    default: nil
    }
  }

  func bytes(_ column: String) -> Data? {
    if case .bytes(let bytes)? = values[column] { bytes } else { nil }
  }
}

/// A failure of the database, in one line.
struct DatabaseFailure: Error, CustomStringConvertible, LocalizedError {
  enum Reason { case full, unavailable, other }

  let reason: Reason
  let description: String
  var errorDescription: String? { description }
}

/// Whether an operation failed because a disk is full, the database's or another.
func tellsOfFullDisk(_ error: any Error) -> Bool {
  switch error {
  case FileError.noRoom, FileError.diskFull: true
  default: (error as? DatabaseFailure)?.reason == .full
  }
}
