import Foundation
import TestSupport
import Testing

@testable import Serving

/// Finished work survives an unavailable database.
@Suite struct OutboxTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  @Test(arguments: TestDatabase.all) func finishedWorkWaits(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let photo = try folder.write("photo.png", [1])
    let picture = Job.Picture(width: 4, height: 3, bytes: 1, mediaType: "image/png", name: "p.png")
    let order = Job.Order(settings: RestorationSettings(), input: picture, output: picture)
    var ids: [UUID] = []
    for _ in 0..<4 { ids.append(try await store.add(order, input: .file(photo), limit: 9).id) }
    for id in ids { #expect(try await store.claim("w")?.id == id) }

    let outbox = try Outbox(folder("finished"))
    #expect(outbox.isEmpty)
    for id in ids[..<2] {
      let result = try folder.write("result", Array("restored".utf8))
      try outbox.keep(
        id, "w", .succeeded(result: result, thumbnail: Data([4]), warnings: ["w"]), seconds: 2)
    }
    try outbox.keep(ids[2], "w", .failed("no"), seconds: 2)
    try outbox.keep(ids[3], "w", .requeued, seconds: 2)
    // Meanwhile another worker has claimed one of them.
    try await store.reclaim(try await store.running().filter { $0.job == ids[1] })
    #expect(try await store.claim("v")?.id == ids[1])

    let later = try Outbox(folder("finished"))  // also by the next process
    #expect(!later.isEmpty)
    try await later.deliver(to: store)
    #expect(later.isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder("finished")).isEmpty)
    for id in ids[..<2] {
      let job = try #require(await store.job(id))
      #expect(job.state == .succeeded && job.resultBytes == 8 && job.warnings == ["w"])
      var bytes = Data()
      try await store.files.stream(id, .result, 0..<8) { bytes += $0 }
      #expect(bytes == Data("restored".utf8))
    }
    #expect(try await store.job(ids[2])?.error == "no")
    #expect(try await store.job(ids[3])?.state == .running)
  }
}
