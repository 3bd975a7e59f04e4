import Files
import Foundation
import GRDB

/// An SQLite file, which several processes of one machine may use at the same time.
struct SQLiteDatabase: Database {
  let dialect = SQLDialect.sqlite
  let pictures: any PictureStorage
  private let pool: DatabasePool
  private let path: String

  /// - Parameter path: the file; the pictures are kept in its folder.
  /// - Throws: `DatabaseFailure` or `FileError` if the file or its folder cannot be used.
  init(_ path: String) throws {
    self.path = path
    var configuration = Configuration()
    configuration.busyMode = .timeout(30)
    configuration.maximumReaderCount = 8
    configuration.prepareDatabase { db in
      guard !db.configuration.readonly else { return }
      // Returns the space of removed pictures to the disk; applies to new files only.
      try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
      // Accepted jobs survive a power failure.
      try db.execute(sql: "PRAGMA synchronous = FULL")
      try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
    }
    do {
      pool = try DatabasePool(path: path, configuration: configuration)
    } catch {
      throw Self.failure(error, path)
    }
    pictures = try PictureFolder(beside: parentFolder(of: path))
    for suffix in ["", "-wal", "-shm"] { chmod(path + suffix, 0o600) }
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

  /// Returns the space of removed rows to the disk.
  func reclaimSpace() async throws {
    do {
      try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA incremental_vacuum") }
      // Readers may block it; the next call catches up.
      _ = try? await pool.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    } catch { throw Self.failure(error, path) }
  }

  private static func failure(_ error: any Error, _ path: String) -> any Error {
    guard let error = error as? DatabaseError else { return error }
    let reason: DatabaseFailure.Reason =
      switch error.resultCode {
      case .SQLITE_FULL: .full
      case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_CANTOPEN, .SQLITE_IOERR: .unavailable
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
