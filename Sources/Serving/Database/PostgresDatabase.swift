import CPostgres
import Files
import Foundation
import Synchronization

/// A PostgreSQL server, accessed through libpq. A statement blocks a thread of its connection,
/// never a thread of the cooperative pool.
final class PostgresDatabase: Database {
  let dialect = SQLDialect.postgres
  private let connections: [PostgresConnection]
  private let calls = Atomic(0)

  /// The number of statements that can run concurrently.
  private static let connectionCount = 4

  let pictures: any PictureStorage = PictureTable()

  /// - Parameter url: a URL as libpq accepts it, "postgres://user:password@host/database".
  /// - Throws: `DatabaseFailure` if libpq or the server is missing.
  init(_ url: String) throws {
    guard cpostgres_load() else {
      throw DatabaseFailure(
        reason: .other,
        description: "PostgreSQL's client library is not installed: apt-get install libpq5")
    }
    // A server that accepts connections but does not answer counts as missing.
    setenv("PGCONNECT_TIMEOUT", "5", 0)
    connections = (0..<Self.connectionCount).map { PostgresConnection(url, number: $0) }
    try connections[0].connect()
  }

  func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
    async throws -> Value
  {
    try await next().perform { try body($0) }
  }

  func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
    async throws -> Value
  {
    try await next().perform { connection in
      try connection.run("BEGIN")
      do {
        let value = try body(connection)
        try connection.run("COMMIT")
        return value
      } catch {
        _ = try? connection.run("ROLLBACK")
        throw error
      }
    }
  }

  private func next() -> PostgresConnection {
    connections[calls.add(1, ordering: .relaxed).newValue % connections.count]
  }
}

/// A connection. Unchecked: `handle` is used on `queue` only.
private final class PostgresConnection: SQLConnection, @unchecked Sendable {
  private let url: String
  private let queue: DispatchQueue
  private var handle: OpaquePointer?

  /// The longest time that a statement may take, in seconds; the slowest ones transfer a chunk of a
  /// picture.
  private static let timeout = 30.0

  init(_ url: String, number: Int) {
    self.url = url
    queue = DispatchQueue(label: "nsarm.postgres.\(number)")
  }

  deinit { if let handle { cpostgres_close(handle) } }

  func connect() throws { try queue.sync { try open() } }

  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (PostgresConnection) throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.async {
        continuation.resume(
          with: Result {
            try self.open()
            return try body(self)
          })
      }
    }
  }

  /// Connects if there is no connection or it has been lost.
  private func open() throws {
    if let handle, cpostgres_is_connected(handle) { return }
    if let handle { cpostgres_close(handle) }
    handle = cpostgres_connect(url)
    guard cpostgres_is_connected(handle) else {
      let problem = oneLine(String(cString: cpostgres_problem(handle)))
      throw DatabaseFailure(reason: .unavailable, description: "PostgreSQL: \(problem)")
    }
    // Limits the wait for a lock that a vanished host still holds.
    try run("SET lock_timeout = '20s'")
    // The server ends the sessions of hosts that have vanished, and with them their locks.
    try run("SET idle_in_transaction_session_timeout = '15s'")
    for (name, value) in [("idle", 10), ("interval", 5), ("count", 3)] {
      try run("SET tcp_keepalives_\(name) = \(value)")
    }
    try run("SET client_min_messages = 'error'")
  }

  func run(_ sql: String, _ values: [SQLValue]) throws -> [SQLRow] {
    let parameters = values.map(PostgresParameter.init)
    let native = parameters.map(\.native)
    var isLate = false
    let result = cpostgres_run(
      handle, sql.replacing("?", with: "$"), native, Int32(native.count), Self.timeout, &isLate)
    withExtendedLifetime(parameters) {}
    defer { cpostgres_release(result) }
    if isLate {
      cpostgres_close(handle)
      handle = nil
      throw DatabaseFailure(
        reason: .unavailable, description: "PostgreSQL: no answer for \(Int(Self.timeout)) s")
    }
    guard cpostgres_succeeded(result) else {
      let state = cpostgres_state(result).map { String(cString: $0) }
      let problem = oneLine(String(cString: cpostgres_problem(handle)))
      throw DatabaseFailure(
        reason: state == "53100" ? .full : state == nil ? .unavailable : .other,
        description: "PostgreSQL: \(problem)")
    }
    let columns = (0..<cpostgres_column_count(result)).map { column in
      (
        name: String(cString: cpostgres_column_name(result, column)),
        type: cpostgres_column_type(result, column)
      )
    }
    return (0..<cpostgres_row_count(result)).map { row in
      var values: [String: SQLValue] = [:]
      for (index, column) in columns.enumerated() {
        var count: Int32 = 0
        let bytes = cpostgres_bytes(result, row, Int32(index), &count)
        values[column.name] = bytes.map {
          SQLValue(UnsafeRawBufferPointer(start: $0, count: Int(count)), type: column.type)
        }
      }
      return SQLRow(values)
    }
  }
}

/// The OIDs of PostgreSQL's types.
private enum PostgresType {
  static let bytes: UInt32 = 17
  static let int8: UInt32 = 20
  static let int4: UInt32 = 23
  static let text: UInt32 = 25
  static let float8: UInt32 = 701
}

/// A parameter in libpq's representation; owns its bytes.
private final class PostgresParameter {
  private let storage: UnsafeMutableRawBufferPointer?
  let native: cpostgres_value

  init(_ value: SQLValue) {
    func copied(_ bytes: some Collection<UInt8>) -> UnsafeMutableRawBufferPointer {
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count + 1, alignment: 1)
      copy.copyBytes(from: bytes)
      copy[bytes.count] = 0
      return copy
    }
    let type: UInt32
    switch value {
    case .null: (storage, type) = (nil, 0)
    case .integer(let number): (storage, type) = (copied("\(number)".utf8), PostgresType.int8)
    case .real(let number): (storage, type) = (copied("\(number)".utf8), PostgresType.float8)
    case .text(let text): (storage, type) = (copied(text.utf8), PostgresType.text)
    case .bytes(let bytes): (storage, type) = (copied(bytes), PostgresType.bytes)
    }
    native = cpostgres_value(
      type: type, bytes: storage?.baseAddress?.assumingMemoryBound(to: CChar.self),
      count: Int32((storage?.count ?? 1) - 1), is_binary: type == PostgresType.bytes)
  }

  deinit { storage?.deallocate() }
}

extension SQLValue {
  /// A value in PostgreSQL's binary representation: numbers are big-endian.
  fileprivate init(_ bytes: UnsafeRawBufferPointer, type: UInt32) {
    func number() -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    self =
      switch type {
      case PostgresType.int8: .integer(Int(Int64(bitPattern: number())))
      case PostgresType.int4: .integer(Int(Int32(bitPattern: UInt32(number()))))
      case PostgresType.float8: .real(Double(bitPattern: number()))
      case PostgresType.bytes: .bytes(Data(bytes))
      default: .text(String(decoding: bytes, as: UTF8.self))
      }
  }
}
