import Foundation
import NSARM
import Testing
import Torch
import Upscaling

/// The lines that the README shows for the library.
@Suite struct ReadmeTests {
  @Test(.enabled(if: TilingTests.shipped != nil, "no Models/nano beside the sources"))
  func libraryExample() async throws {
    let output = NSTemporaryDirectory() + "nsarm-readme-\(UUID().uuidString).png"
    defer { try? FileManager.default.removeItem(atPath: output) }

    let model = try ModelFolder(TilingTests.shipped!).load()
    let resolver = try SuperResolver(model)
    var last = 0.0
    let report = try PhotoUpscaler(resolver)(
      TilingTests.root + "/Samples/face-astronaut-nasa-lr.jpg", to: output
    ) { last = $0 }
    #expect(report.outputSize.width == 768)
    #expect(report.outputSize.height == 768)
    #expect(last == 1)
    #expect(FileManager.default.fileExists(atPath: output))

    let upscaler = PhotoUpscaler(resolver)
    let second = output + ".second.png"
    defer { try? FileManager.default.removeItem(atPath: second) }
    var events: [PhotoUpscaler.Event] = []
    for try await event in upscaler.restore(
      TilingTests.root + "/Samples/face-astronaut-nasa-lr.jpg", to: second)
    {
      events.append(event)
    }
    guard case .finished(let again)? = events.last else {
      Issue.record("no last event")
      return
    }
    #expect(again.outputSize == report.outputSize && events.count > 3)
    let files = [output, second].map { FileManager.default.contents(atPath: $0) }
    #expect(files[0] != nil && files[0] == files[1])

    let restored = try resolver.upscaled(Tensor.zeros([3, 48, 64]))
    #expect(restored.shape == [3, 192, 256])
  }
}
