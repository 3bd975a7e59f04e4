import Foundation
import Imaging
import TestSupport
import Testing

@testable import Serving

@Suite struct IdempotencyTests {
  private let folder: ScratchFolder
  private let photo: Data

  init() throws {
    folder = try ScratchFolder()
    try folder.write(
      Image(FloatImage(width: 8, height: 8, channels: 3, repeating: 0.4)), "photo.png")
    photo = try Data(contentsOf: URL(fileURLWithPath: folder("photo.png")))
  }

  private func upload(
    _ service: TestService, _ photo: Data, key: String, seed: Int = 1, name: String = "a.png"
  ) async throws -> TestService.Answer {
    let body: [String: Any] = [
      "image": photo.base64EncodedString(), "name": name, "settings": ["seed": seed],
    ]
    return try await service.send(
      "POST", "/v1/restorations", body: try JSONSerialization.data(withJSONObject: body),
      ["Content-Type": "application/json", "Idempotency-Key": key])
  }

  @Test func aRepeatedUploadIsAnsweredByTheFirst() async throws {
    var limits = ServiceLimits()
    limits.queue = 2
    try await TestService.with(folder, restores: false, limits) { service in
      let first = try await upload(service, photo, key: "k 1")
      let id = try first.json["id"] as? String
      #expect(first.status == 202 && id != nil)
      let again = try await upload(service, photo, key: "k 1")
      #expect(again.status == 200)
      #expect(try again.json["id"] as? String == id)
      for other in [
        try await upload(service, photo, key: "k 1", seed: 2),
        try await upload(service, photo, key: "k 1", name: "b.png"),
        try await upload(service, photo + [0], key: "k 1"),
      ] {
        #expect(other.status == 422 && other.code == "idempotency_key_reused", "\(other.text)")
      }
      #expect(try await upload(service, photo, key: "k 2").status == 202)
      // The queue is full by now, but this upload is in it.
      #expect(try await upload(service, photo, key: "k 1").status == 200)
      #expect(try await upload(service, photo, key: "k 3").status == 503)
      for key in ["", String(repeating: "k", count: 256), "ü"] where !key.isEmpty {
        #expect(try await upload(service, photo, key: key).code == "invalid_setting")
      }
      let path = "/v1/restorations/\(id!)"
      #expect(try await service.send("DELETE", path).status == 204)
      #expect(try await upload(service, photo, key: "k 1").status == 404)
    }
  }

  @Test(arguments: TestDatabase.all) func oneOfManyAtOnceIsTaken(_ place: TestDatabase) async throws
  {
    let store = try await place.store(folder)
    let picture = Job.Picture(
      width: 8, height: 8, bytes: photo.count, mediaType: "image/png", name: "photo.png")
    let order = Job.Order(settings: RestorationSettings(), input: picture, output: picture)
    let path = folder("photo.png")
    let jobs = try await withThrowingTaskGroup(of: (UUID, Bool).self) { group in
      for _ in 0..<12 {
        group.addTask {
          let (job, isNew) = try await store.add(order, input: .file(path), limit: 99, key: "key")
          return (job.id, isNew)
        }
      }
      return try await group.reduce(into: [(UUID, Bool)]()) { $0.append($1) }
    }
    #expect(Set(jobs.map(\.0)).count == 1 && jobs.filter(\.1).count == 1)
    #expect(try await store.counts()[.queued] == 1)
    // A forgotten key is accepted as new.
    _ = try await store.database.write { db in
      try db.run("UPDATE nsarm_keys SET created = created - 90000")
    }
    let (_, isNew) = try await store.add(order, input: .file(path), limit: 99, key: "key")
    #expect(isNew)
    #expect(try await store.counts()[.queued] == 2)
  }
}
