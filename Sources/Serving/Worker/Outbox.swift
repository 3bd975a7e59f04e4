import Files
import Foundation

/// Outcomes that the database could not store, kept on this machine's disk until it can.
struct Outbox: Sendable {
  private let folder: String

  private struct Entry: Codable {
    var job: UUID
    var worker: String
    var seconds: Double
    /// nil: there is a result.
    var error: String?
    var thumbnail: Data?
    var warnings: [String]
  }

  /// - Throws: `FileError` if the folder cannot be created.
  init(_ folder: String) throws {
    self.folder = folder
    try createFolder(folder, permissions: 0o700)
  }

  private func entry(_ id: UUID) -> String { "\(folder)/\(JobStore.name(id)).json" }
  private func picture(_ id: UUID) -> String { "\(folder)/\(JobStore.name(id)).picture" }

  /// Keeps the outcome of a job, unless the job is to be cancelled or requeued.
  /// - Throws: `FileError`.
  func keep(_ id: UUID, _ worker: String, _ outcome: JobStore.Outcome, seconds: Double) throws {
    var entry = Entry(job: id, worker: worker, seconds: seconds, warnings: [])
    switch outcome {
    case .succeeded(let result, let thumbnail, let warnings):
      (entry.thumbnail, entry.warnings) = (thumbnail, warnings)
      if rename(result, picture(id)) != 0 {
        guard errno == EXDEV else { throw FileError.system(picture(id)) }
        try FileManager.default.copyItem(atPath: result, toPath: picture(id))
      }
    case .failed(let reason): entry.error = reason
    case .cancelled, .requeued: return
    }
    try AtomicFile.write(try JSONEncoder().encode(entry), to: self.entry(id))
  }

  var isEmpty: Bool { names.isEmpty }

  private var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
      .filter { $0.hasSuffix(".json") }.sorted()
  }

  /// Stores all kept outcomes in the database.
  /// - Throws: `DatabaseFailure` or `FileError` if it cannot store them yet.
  func deliver(to store: JobStore) async throws {
    for name in names {
      let path = folder + "/" + name
      guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: path)) else { continue }
      if let entry = try? JSONDecoder().decode(Entry.self, from: bytes) {
        let outcome: JobStore.Outcome =
          entry.error.map { .failed($0) }
          ?? .succeeded(
            result: picture(entry.job), thumbnail: entry.thumbnail, warnings: entry.warnings)
        try await store.finish(
          entry.job, entry.worker, outcome, seconds: entry.seconds, isLate: true)
        unlink(picture(entry.job))
      }
      unlink(path)
    }
  }
}
