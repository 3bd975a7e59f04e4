import Foundation
import TestSupport

@testable import Serving

/// The databases of the tests: always SQLite, and PostgreSQL if NSARM_TEST_POSTGRES names a
/// database (scripts/with-postgres starts a temporary one).
enum TestDatabase: String, CaseIterable {
  case sqlite, postgres

  static let postgresURL = ProcessInfo.processInfo.environment["NSARM_TEST_POSTGRES"]
  static var all: [TestDatabase] { postgresURL == nil ? [.sqlite] : allCases }

  /// A new, empty store.
  func store(_ folder: ScratchFolder) async throws -> JobStore {
    let database = try await database(folder)
    try await JobSchema.prepare(database)
    return JobStore(database: database)
  }

  /// A new database without tables.
  func database(_ folder: ScratchFolder) async throws -> any Database {
    switch self {
    case .sqlite: return try SQLiteDatabase(folder("jobs.sqlite"))
    case .postgres:
      // A schema of its own isolates the test.
      let name = "t" + UUID().uuidString.lowercased().replacing("-", with: "")
      let url = TestDatabase.postgresURL!
      _ = try await PostgresDatabase(url).write { db in try db.run("CREATE SCHEMA \(name)") }
      return try PostgresDatabase(
        url + (url.contains("?") ? "&" : "?") + "options=-csearch_path%3D\(name)")
    }
  }
}
