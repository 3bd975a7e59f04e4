import Foundation

/// The storage of pictures: files beside SQLite's database, or chunks in a table of PostgreSQL.
///
/// A picture is stored in the transaction that makes its job refer to it, and removed with its job,
/// so that both appear and vanish together.
protocol PictureStorage: Sendable {
  /// A folder on the same file system, from which files are put in without a copy; nil: every file
  /// is copied.
  var scratch: String? { get }

  /// Checks that there is room for a picture, with a reserve for ending and removing jobs.
  /// - Throws: `FileError.noRoom`.
  func requireRoom(for bytes: Int) throws

  /// Stores a file, replacing what was there. The source remains and must not be modified from now
  /// on.
  /// - Returns: its size in bytes.
  func put(_ path: String, _ key: PictureKey, _ db: any SQLConnection) throws -> Int

  /// Gives a job the picture of another one.
  func duplicate(_ key: PictureKey, for job: String, _ db: any SQLConnection) throws

  /// The size of a picture in bytes; nil if there is none.
  func size(_ key: PictureKey, _ database: any Database) async throws -> Int?

  /// Passes a range of a picture to `take` in chunks of at most 1 MiB.
  func read(
    _ key: PictureKey, _ range: Range<Int>, _ database: any Database,
    _ take: (Data) async throws -> Void) async throws

  /// Calls `body` with the path of a picture's file.
  /// - Throws: `JobError.missing` if there is none.
  func withFile<Value>(
    _ key: PictureKey, _ database: any Database, _ body: (String) async throws -> Value
  ) async throws -> Value

  /// Removes the pictures of jobs, in the transaction that removes the jobs.
  func remove(_ jobs: [String], _ db: any SQLConnection) throws

  /// Called after jobs have been removed.
  func didRemove(_ jobs: [String])

  /// Removes pictures that a crash has left without a job.
  func sweep(_ database: any Database) async throws
}

/// Identifies a picture of a job.
struct PictureKey: Sendable {
  /// The job's id in the database.
  let job: String
  let kind: JobFiles.Kind
}
