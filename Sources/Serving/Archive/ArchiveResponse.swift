import Foundation
import Hummingbird

/// A ZIP file of all results, produced while it is sent.
struct ArchiveResponse: Sendable {
  let store: JobStore
  let shutdown: Shutdown

  /// - Throws: `Problem` if there is no result; `InvalidSetting`.
  func response(to request: Request) async throws -> Response {
    let ids = try request.uri.queryParameters["ids"].map { try Self.ids(String($0)) }
    let jobs = try await store.succeeded().filter { ids?.contains($0.id) ?? true }
    guard !jobs.isEmpty else {
      throw Problem(.conflict, "no_result", "there are no results for an archive")
    }
    return Response(
      status: .ok,
      headers: [
        .contentType: "application/zip", .cacheControl: "no-store",
        .contentDisposition: PictureResponse.disposition("nsarm.zip"),
      ],
      body: ResponseBody { writer in
        try await write(jobs) { try await writer.write(ByteBuffer(bytes: $0)) }
        try await writer.finish(nil)
      })
  }

  private static func ids(_ text: String) throws -> Set<UUID> {
    let ids = text.split(separator: ",", omittingEmptySubsequences: false)
      .map { UUID(uuidString: String($0)) }
    guard !ids.contains(nil) else {
      throw InvalidSetting("ids: must be ids of restorations, separated by commas")
    }
    return Set(ids.compactMap(\.self))
  }

  /// - Parameter take: receives the archive piece by piece.
  /// - Throws: `JobError.missing` if a result is removed while it is being sent, so that the client
  ///   sees that the archive is incomplete.
  private func write(_ jobs: [Job], _ take: (Data) async throws -> Void) async throws {
    var (zip, names) = (ZipWriter(), ArchiveNames())
    for job in jobs {
      // Results that have been removed since the query are left out.
      guard let size = job.resultBytes, let sum = try await sum(job, size) else { continue }
      let file = ZipWriter.File(
        name: names.name(job.order.output.name), size: size, sum: sum,
        date: job.finished ?? job.created)
      try await take(zip.begin(file))
      try await store.files.stream(job.id, .result, 0..<size) { part in
        if shutdown.hasBegun { throw CancellationError() }
        try await take(part)
      }
    }
    try await take(zip.end())
  }

  private func sum(_ job: Job, _ size: Int) async throws -> UInt32? {
    var sum: UInt32 = 0
    do {
      try await store.files.stream(job.id, .result, 0..<size) { part in
        if shutdown.hasBegun { throw CancellationError() }
        sum = ZipWriter.sum(part, after: sum)
      }
    } catch JobError.missing {
      return nil
    }
    return sum
  }
}

extension JobStore {
  /// Jobs with a result, oldest first.
  func succeeded() async throws -> [Job] {
    try await database.read { db in
      try db.run(
        "SELECT \(Self.columns) FROM nsarm_jobs WHERE state = 'succeeded' ORDER BY number")
    }.map(decoded)
  }
}
