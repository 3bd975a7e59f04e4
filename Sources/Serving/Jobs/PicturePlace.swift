import Foundation

/// Where the pictures of jobs are kept: files beside SQLite's, parts in a table of PostgreSQL's.
///
/// A picture is put in within the transaction that makes its job tell of it, and goes when its job
/// has gone, so that both appear and vanish together.
protocol PicturePlace: Sendable {
  /// A folder from which files are put in without being copied; nil: they are copied from any.
  var scratch: String? { get }

  /// Checks that a picture of so many bytes can be kept, with room left to end and to remove jobs.
  /// - Throws: `FileError.noRoom`.
  func requireRoom(for bytes: Int) throws

  /// Takes a file in, which stays where it was, too, and is never changed from now on; replaces
  /// what was there.
  /// - Returns: its bytes.
  func put(_ path: String, _ key: PictureKey, _ db: any SQLConnection) throws -> Int

  /// Gives a job what another one has.
  func duplicate(_ key: PictureKey, for job: String, _ db: any SQLConnection) throws

  /// Bytes of a picture; nil where there is none.
  func size(_ key: PictureKey, _ database: any Database) async throws -> Int?

  /// Hands over a range of a picture in parts of at most a megabyte.
  func read(
    _ key: PictureKey, _ range: Range<Int>, _ database: any Database,
    _ take: (Data) async throws -> Void) async throws

  /// Gives `body` the path of a file with a picture.
  /// - Throws: `JobError.missing` where there is none.
  func withFile<Value>(
    _ key: PictureKey, _ database: any Database, _ body: (String) async throws -> Value
  ) async throws -> Value

  /// Removes the pictures of jobs, within the transaction that removes these.
  func remove(_ jobs: [String], _ db: any SQLConnection) throws

  /// Called when jobs have been removed.
  func hasRemoved(_ jobs: [String])

  /// Removes what a crash has left between a picture and its job.
  func sweep(_ database: any Database) async throws
}

/// A picture of a job.
struct PictureKey: Sendable {
  /// As the database names the job.
  let job: String
  let kind: JobFiles.Kind
}
