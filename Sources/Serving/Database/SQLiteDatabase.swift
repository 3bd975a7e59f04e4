import Files
import Foundation
import GRDB

/// A file of SQLite's. Several processes of one machine may use it at once.
struct SQLiteDatabase: Database {
  let dialect = SQLDialect.sqlite
  private let pool: DatabasePool
  private let path: String

  /// - Throws: `DatabaseFailure` where the file cannot be used.
  init(_ path: String) throws {
    self.path = path
    var configuration = Configuration()
    configuration.busyMode = .timeout(30)
    configuration.maximumReaderCount = 8
    configuration.prepareDatabase { db in
      guard !db.configuration.readonly else { return }
      // Space of removed pictures goes back to the disk; the setting counts for new files only.
      try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
      // What has been accepted survives a loss of power.
      try db.execute(sql: "PRAGMA synchronous = FULL")
      try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
    }
    do {
      pool = try DatabasePool(path: path, configuration: configuration)
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// What stays free besides a fiftieth of the disk: previews, and a log of several megabytes.
  private static let reserve = 32 << 20

  /// What is written goes into the log first, and then into the file.
  func requireRoom(for bytes: Int) throws {
    try FreeSpace.require(2 * bytes + Self.reserve, at: path, besides: 0.02)
  }

  func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
    async throws -> Value
  {
    do {
      return try await pool.read { try body(Connection(database: $0)) }
    } catch { throw Self.failure(error, path) }
  }

  func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
    async throws -> Value
  {
    do {
      return try await pool.write { try body(Connection(database: $0)) }
    } catch { throw Self.failure(error, path) }
  }

  /// Gives the space of what was removed back to the disk.
  func giveBackSpace() async throws {
    do {
      try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA incremental_vacuum") }
      // Readers may hold it up; the next time will do.
      _ = try? await pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    } catch { throw Self.failure(error, path) }
  }

  private static func failure(_ error: any Error, _ path: String) -> any Error {
    guard let error = error as? DatabaseError else { return error }
    let reason: DatabaseFailure.Reason =
      switch error.resultCode {
      case .SQLITE_FULL, .SQLITE_IOERR: .full
      case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_CANTOPEN: .unavailable
      default: .other
      }
    let text = error.message ?? "code \(error.resultCode.rawValue)"
    return DatabaseFailure(reason: reason, description: "\(path): \(text)")
  }

  private struct Connection: SQLConnection {
    let database: GRDB.Database

    func run(_ sql: String, _ values: [SQLValue]) throws -> [SQLRow] {
      let arguments = StatementArguments(values.map(\.databaseValue))
      let statement = try database.cachedStatement(sql: sql)
      return try Row.fetchAll(statement, arguments: arguments).map { row in
        SQLRow(
          Dictionary(
            row.map { ($0, SQLValue($1)) }, uniquingKeysWith: { first, _ in first }))
      }
    }
  }
}

extension SQLValue {
  fileprivate var databaseValue: DatabaseValue {
    switch self {
    case .null: .null
    case .integer(let number): number.databaseValue
    case .real(let number): number.databaseValue
    case .text(let text): text.databaseValue
    case .bytes(let bytes): bytes.databaseValue
    }
  }

  fileprivate init(_ value: DatabaseValue) {
    self =
      switch value.storage {
      case .null: .null
      case .int64(let number): .integer(Int(number))
      case .double(let number): .real(number)
      case .string(let text): .text(text)
      case .blob(let bytes): .bytes(bytes)
      }
  }
}
