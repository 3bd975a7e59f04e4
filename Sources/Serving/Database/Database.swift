import Files
import Foundation

/// A database that holds the jobs: SQLite for one machine, PostgreSQL for many. Both speak the SQL
/// that `JobStore` is written in, with parameters `?1`, `?2`, ...
protocol Database: Sendable {
  var dialect: SQLDialect { get }
  /// Where the jobs' pictures are.
  var pictures: any PicturePlace { get }

  /// As of `PicturePlace`.
  func requireRoom(for bytes: Int) throws

  /// Runs statements that change nothing.
  func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
    async throws -> Value

  /// Runs statements in one transaction, which an error undoes.
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

/// Where the two languages differ.
struct SQLDialect: Sendable {
  /// Seconds since 1970, of the database's own clock: workers' clocks may differ.
  let now: String
  /// The type of a primary key that counts upwards.
  let serial: String
  let bytes: String
  let real: String
  /// Behind a SELECT inside an UPDATE: leaves out rows that somebody else is about to take.
  let skipsLocked: String
  /// Lets transactions that count the jobs before they add one follow each other; nil where they
  /// do anyway.
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

/// A value in a statement or a row.
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

/// Why the database does not do what is asked, in one line.
struct DatabaseFailure: Error, CustomStringConvertible, LocalizedError {
  enum Reason { case full, unavailable, other }

  let reason: Reason
  let description: String
  var errorDescription: String? { description }
}

/// Whether something failed because a disk is full, the database's or another.
func tellsOfFullDisk(_ error: any Error) -> Bool {
  switch error {
  case FileError.noRoom, FileError.diskFull: true
  default: (error as? DatabaseFailure)?.reason == .full
  }
}
