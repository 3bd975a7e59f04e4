import Client
import Files
import Foundation
import Imaging
import Synchronization
import TestSupport
import Testing

@testable import Serving

@Suite(.ownThreads) struct ClientTests {
  private let folder: ScratchFolder

  init() throws {
    folder = try ScratchFolder()
    try folder.write(
      Image(FloatImage(width: 24, height: 16, channels: 3, repeating: 0.4)), "photo.png")
  }

  private func with(
    _ server: String, token: String? = nil, _ body: (ServiceClient) async throws -> Void
  )
    async throws
  {
    let client = try ServiceClient(server, token: token)
    do {
      try await body(client)
    } catch {
      await client.close()
      throw error
    }
    await client.close()
  }

  @Test func aPictureIsRestored() async throws {
    let (photo, output) = (folder("photo.png"), folder("out.webp"))
    try await TestService.with(folder, token: "a secret of mine") { service in
      try await with(service.base, token: "a secret of mine") { client in
        let sent = try await client.restore(
          photo, name: "a \"b\".png", ["scale": "2", "format": "webp"])
        var last = 0.0
        let end = try await client.end(of: sent.id) { last = $0.progress }
        #expect(end.state == .succeeded && last == 1 && end.output.width == 48)
        try await client.download(sent.id, to: output)
        #expect(try ImageFile.read(output).width == 48)
        await #expect(throws: FileError.self) { try await client.download(sent.id, to: output) }
        try await client.download(sent.id, to: output, overwrite: true)
        try await client.remove(sent.id)
        do {
          _ = try await client.restoration(sent.id)
          Issue.record("it is still there")
        } catch ServiceClientError.refused(404, _) {}
        do {
          _ = try await client.restore(photo, name: "a.png", ["scale": "9"])
          Issue.record("a scale of 9 was taken")
        } catch ServiceClientError.refused(422, let reason) { #expect(reason.contains("scale")) }
      }
      try await with(service.base, token: "another secret") { client in
        do {
          _ = try await client.restore(photo, name: "a.png", [:])
          Issue.record("a wrong token was taken")
        } catch ServiceClientError.refused(401, _) {}
      }
    }
  }

  /// Requests to a service that is full or is restarted are repeated with the same key.
  @Test func whatIsNotTakenIsSentAgain() async throws {
    let requests = Mutex<[LocalServer.Request]>([])
    let restoration = """
      {"id": "x", "state": "queued", "progress": 0, "position": 1, "input": {"width": 1, "height": 1, "bytes": 1},
       "output": {"width": 1, "height": 1, "bytes": null}, "warnings": [], "error": null, "seconds": null}
      """
    let server = try LocalServer { number, request in
      requests.withLock { $0.append(request) }
      return switch number {
      case 0:
        .raw("HTTP/1.1 503 X\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      case 1: .raw("")
      default: .status(202, restoration)
      }
    }
    defer { server.stop() }
    try await with(server.address + "/") { client in
      let sent = try await client.restore(folder("photo.png"), name: "a.png", [:])
      #expect(sent.id == "x")
    }
    let all = requests.withLock { $0 }
    let keys = all.map { request in
      request.head.components(separatedBy: "\r\n").first { $0.hasPrefix("Idempotency-Key:") }
    }
    #expect(all.count == 3 && Set(keys).count == 1 && keys[0] != nil)
    #expect(all[0].body.count == all[2].body.count && all[0].body.count > 100)
  }

  @Test func nobodyThereIsToldAtOnce() async throws {
    try await with("http://127.0.0.1:1") { client in
      do {
        _ = try await client.restoration("x")
        Issue.record("somebody answered")
      } catch ServiceClientError.unreachable(let server, _) {
        #expect(server == "http://127.0.0.1:1")
      }
    }
    for text in ["", "example.org", "ftp://example.org", "http://", "http://a.org?x"] {
      #expect(throws: ServiceClientError.address(text)) { try ServiceClient(text) }
    }
  }
}
