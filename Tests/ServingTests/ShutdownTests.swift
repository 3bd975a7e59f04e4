import Foundation
import Imaging
import Synchronization
import TestSupport
import Testing

@testable import Serving

/// A service ends quickly, whatever it is doing, and loses nothing.
@Suite struct ShutdownTests {
  private let folder: ScratchFolder
  private let photo: Data

  init() throws {
    folder = try ScratchFolder()
    try Image(FloatImage(width: 40, height: 24, channels: 3, repeating: 0.5))
      .write(to: folder("photo.png"))
    photo = try Data(contentsOf: URL(fileURLWithPath: folder("photo.png")))
  }

  /// Listeners end before the server waits for them.
  @Test(.timeLimit(.minutes(2))) func streamsEndWithTheService() async throws {
    let streams = Streams()
    try await TestService.with(folder, restores: false) { service in
      let id = try #require(try await service.upload(photo).json["id"] as? String)
      for path in ["/v1/events", "/v1/restorations/\(id)/events"] {
        streams.add(Task { try await service.send("GET", path).text })
      }
      // Until both have listeners.
      try await Task.sleep(for: .seconds(1))
    }
    for stream in streams.all { #expect(try await stream.value.contains("event: restoration")) }
  }

  /// A running computation is abandoned, and starts over later.
  @Test(.timeLimit(.minutes(2))) func workUnderWayGoesBackIntoTheQueue() async throws {
    let (blocked, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    try await TestService.with(folder) { service in
      let thread = try await service.models.model().upscaler.resolver.worker
      Task {
        try await thread.run {
          blocked.signal()
          end.wait()
        }
      }
      try await BlockingWork.run { blocked.wait() }
      #expect(try await service.upload(photo).status == 202)
      while true {
        let jobs = try await service.send("GET", "/v1/restorations?state=running").json
        if (jobs["restorations"] as? [Any])?.count == 1 { break }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
    let store = JobStore(database: try SQLiteDatabase(folder("data/jobs.sqlite")))
    #expect(try await store.counts() == [.queued: 1])
    end.signal()
    try await TestService.with(folder) { service in
      let jobs = try await service.send("GET", "/v1/restorations").json["restorations"]
      let id = try #require((jobs as? [[String: Any]])?.first?["id"] as? String)
      let state = try await service.events(id).last?["state"] as? String
      #expect(state == "succeeded")
    }
  }

  private final class Streams: Sendable {
    private let tasks = Mutex<[Task<String, any Error>]>([])
    func add(_ task: Task<String, any Error>) { tasks.withLock { $0.append(task) } }
    var all: [Task<String, any Error>] { tasks.withLock { $0 } }
  }
}
