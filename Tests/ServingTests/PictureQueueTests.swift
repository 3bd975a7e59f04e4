import Files
import Foundation
import ModelTestSupport
import TestSupport
import Testing

@testable import Serving

/// A batch that goes through the queue.
@Suite struct PictureQueueTests {
  private let folder: ScratchFolder
  private let photo: Data

  init() throws {
    folder = try ScratchFolder()
    photo = try writePhoto(in: folder).file
  }

  private func queue(_ place: TestDatabase) async throws -> PictureQueue {
    PictureQueue(
      store: try await place.store(folder), limits: ServiceLimits(),
      models: try TinyModel.shelf(["tiny"], in: folder))
  }

  private func picture(_ output: String = "out.png", _ settings: [String: String] = [:])
    -> PictureQueue.Picture
  {
    .init(
      path: folder("photo.png"), name: "photo.png", settings: settings, output: folder(output))
  }

  @Test(arguments: TestDatabase.all) func aPictureComesBack(_ place: TestDatabase) async throws {
    let queue = try await queue(place)
    let ticket = try await queue.submit(picture())
    #expect(try await queue.submit(picture()) == ticket, "the same batch again")
    #expect(try await queue.submit(picture("other.png")) != ticket)
    #expect(try await queue.submit(picture("out.png", ["seed": "2"])) != ticket)
    #expect(try await queue.store.counts() == [.queued: 3])
    let job = try #require(await queue.store.claim("worker"))
    #expect(job.id == ticket.id && job.order.output.width == 160)
    #expect(try await queue.states(of: [ticket]) == [ticket: .waiting(0)])
    try await queue.store.report(job.id, "worker", .init(share: 0.5), preview: nil)
    #expect(try await queue.states(of: [ticket]) == [ticket: .waiting(0.5)])
    let result = try folder.write("result", Array("restored".utf8))
    try await queue.store.finish(
      job.id, "worker", .succeeded(result: result, thumbnail: nil, warnings: ["careful"]),
      seconds: 2)
    let restored = PictureQueue.Restored(
      inputWidth: 40, inputHeight: 24, outputWidth: 160, outputHeight: 96, seconds: 2,
      warnings: ["careful"])
    #expect(try await queue.states(of: [ticket]) == [ticket: .restored(restored)])
    #expect(try await queue.submit(picture()) == ticket, "it is not restored again")
    try await queue.fetch(ticket, to: folder("out.png"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder("out.png"))) == Data("restored".utf8))
    await #expect(throws: FileError.exists(path: folder("out.png"))) {
      try await queue.fetch(ticket, to: folder("out.png"))
    }
    try await queue.remove(ticket)
    #expect(try await queue.states(of: [ticket]) == [ticket: .gone])
    await #expect(throws: PictureQueueError.gone) {
      try await queue.fetch(ticket, to: folder("later.png"))
    }
    #expect(try await queue.submit(picture()) != ticket, "a new one")
    #expect(try await queue.states(of: []).isEmpty)
    // The file of the batch is its own still.
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder("photo.png"))) == photo)
  }

  @Test(arguments: TestDatabase.all) func statesOfManyPictures(_ place: TestDatabase) async throws {
    let queue = try await queue(place)
    var tickets: [PictureQueue.Ticket] = []
    for index in 0..<40 { tickets.append(try await queue.submit(picture("\(index).png"))) }
    let states = try await queue.states(of: tickets)
    #expect(states.count == 40 && states.values.allSatisfy { $0 == .waiting(0) })
  }

  @Test(arguments: TestDatabase.all) func whatFailedIsTriedAgainByALaterRun(_ place: TestDatabase)
    async throws
  {
    let queue = try await queue(place)
    let ticket = try await queue.submit(picture())
    let job = try #require(await queue.store.claim("worker"))
    try await queue.store.finish(job.id, "worker", .failed("no memory"), seconds: 1)
    #expect(try await queue.states(of: [ticket]) == [ticket: .failed("no memory")])
    #expect(try await queue.submit(picture()) == ticket)
    #expect(try await queue.states(of: [ticket]) == [ticket: .waiting(0)])
    try await queue.store.cancel(ticket.id)
    #expect(try await queue.submit(picture()) == ticket)
    #expect(try await queue.store.counts() == [.queued: 1])
    // Whoever removes it does not keep it from being submitted.
    try await queue.store.remove(ticket.id)
    #expect(try await queue.states(of: [ticket]) == [ticket: .gone])
    #expect(try await queue.submit(picture()) != ticket)
  }

  /// Its worker was cut off; what it brings late and what its successor brings is one result.
  @Test(arguments: TestDatabase.all) func twoWorkersBringOneResult(_ place: TestDatabase)
    async throws
  {
    let queue = try await queue(place)
    let store = queue.store
    let ticket = try await queue.submit(picture())
    _ = try #require(await store.claim("cut off"))
    try await store.reclaim(store.running())
    _ = try #require(await store.claim("successor"))
    for (name, worker) in [("first", "cut off"), ("second", "successor")] {
      let result = try folder.write(name, Array(name.utf8))
      try await store.finish(
        ticket.id, worker, .succeeded(result: result, thumbnail: nil, warnings: []), seconds: 1,
        isLate: worker == "cut off")
    }
    await #expect(throws: JobError.self) {
      try await store.report(ticket.id, "successor", nil, preview: nil)
    }
    #expect(try await store.counts() == [.succeeded: 1])
    try await queue.fetch(ticket, to: folder("out.png"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder("out.png"))) == Data("first".utf8))
  }

  @Test func whatCannotBeRestoredIsRefused() async throws {
    let queue = try await queue(.sqlite)
    func refusal(_ picture: PictureQueue.Picture) async -> String? {
      do {
        _ = try await queue.submit(picture)
        return nil
      } catch { return "\(error)" }
    }
    #expect(await refusal(picture("a.png", ["scale": "9"]))?.contains("scale: must be") == true)
    #expect(await refusal(picture("a.png", ["model": "x"]))?.contains("x") == true)
    let text = try folder.write("text.png", Array("no picture".utf8))
    let refused = await refusal(
      .init(path: text, name: "text.png", settings: [:], output: folder("a.png")))
    #expect(refused?.contains("text.png") == true && refused?.contains(folder.path) == false)
    #expect(try await queue.store.counts().isEmpty)
  }
}
