import Foundation
import Imaging
import Synchronization
import TestSupport
import Testing

@testable import Prompts

@Suite struct CaptionEndpointTests {
  private let jpeg = Data([0xFF, 0xD8, 0xFF, 0xD9])

  private func endpoint(_ server: LocalServer, model: String? = nil) throws -> CaptionEndpoint {
    var endpoint = try CaptionEndpoint(server.address, model: model)
    (endpoint.timeout, endpoint.retryDelay) = (20, 0.01)
    return endpoint
  }

  private func error(_ body: () throws -> String) -> CaptionError? {
    do {
      _ = try body()
      return nil
    } catch let error as CaptionError {
      #expect(!error.description.contains("\n") && error.description.count < 500, "\(error)")
      return error
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test func aPictureIsSentAndItsCaptionComesBack() throws {
    let (folder, requests) = (try ScratchFolder(), Requests())
    let server = try LocalServer { _, request in
      requests.append(request)
      return .status(200, LocalServer.completion("  A stone\n bridge.\n"))
    }
    var planes = FloatImage(width: 1500, height: 30, channels: 4)
    for x in 0..<1500 { planes[0, 7, x] = 0.5 }
    try folder.write(Image(planes), "wide.png")
    var endpoint = try endpoint(server, model: "vision")
    endpoint.key = "secret"
    #expect(try endpoint(file: folder("wide.png")) == "A stone bridge.")

    let request = try #require(requests.all.first)
    #expect(request.head.hasPrefix("POST /v1/chat/completions HTTP/1.1"))
    #expect(request.head.contains("Authorization: Bearer secret"))
    let body = try #require(try JSONSerialization.jsonObject(with: request.body) as? [String: Any])
    #expect(body["model"] as? String == "vision")
    let messages = try #require(body["messages"] as? [[String: Any]])
    let content = try #require(messages[0]["content"] as? [[String: Any]])
    #expect(content[0]["text"] as? String == CaptionEndpoint.question)
    #expect(body["temperature"] as? Double == 0.2 && body["top_p"] as? Double == 0.7)
    let url = try #require((content[1]["image_url"] as? [String: String])?["url"])
    let prefix = "data:image/jpeg;base64,"
    #expect(url.hasPrefix(prefix))
    let picture = try #require(Data(base64Encoded: String(url.dropFirst(prefix.count))))
    let sent = try ImageFile.read(try folder.write("sent.jpg", picture))
    #expect((sent.width, sent.height, sent.channels) == (1024, 20, 3))
  }

  @Test func whatMayPassIsTriedAgain() throws {
    let server = try LocalServer { number, _ in
      switch number {
      case 0: .status(503, #"{"error": {"message": "loading the model"}}"#)
      case 1: .raw("")
      default: .status(200, LocalServer.completion("A cat."))
      }
    }
    #expect(try endpoint(server)(jpeg: jpeg) == "A cat.")
    let busy = try LocalServer { _, _ in
      .status(429, #"{"error": {"message": "too\nmany"}}"#)
    }
    let problem = error { try endpoint(busy)(jpeg: jpeg) }
    #expect(problem == .refused(try endpoint(busy).url, status: 429, "too many"))
    #expect(problem?.concernsAllPictures == false)
  }

  @Test(arguments: [400, 401, 404, 413, 422]) func refusalsAreNot(_ status: Int) throws {
    let requests = Requests()
    let server = try LocalServer { _, request in
      requests.append(request)
      return .status(status, "no\nsuch model" + String(repeating: "!", count: 5000))
    }
    let problem = try #require(error { try endpoint(server)(jpeg: jpeg) })
    #expect(problem.description.contains("status \(status) (no such model!!!"))
    #expect(problem.concernsAllPictures == [401, 404].contains(status))
    #expect(requests.all.count == 1)
  }

  @Test(arguments: [
    "", "garbage", "[]", "{}", #"{"choices": []}"#, #"{"choices": [{"message": {}}]}"#,
    #"{"choices": [{"message": {"content": " \n"}}]}"#,
    #"{"choices": [{"message": {"content": 3}}]}"#, #"{"choices": [{"message"#,
  ]) func answersWithoutCaptionAreTold(_ body: String) throws {
    let server = try LocalServer { _, _ in .status(200, body) }
    guard case .unusable = error({ try endpoint(server)(jpeg: jpeg) }) else {
      Issue.record("accepted")
      return
    }
  }

  @Test func whatIsNoHTTPIsTold() throws {
    let server = try LocalServer { _, _ in .raw("220 mail.example ESMTP\r\n\r\n") }
    #expect(error { try endpoint(server)(jpeg: jpeg) } != nil)
    let endless = try LocalServer { _, _ in
      .raw(
        "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n"
          + String(repeating: "x", count: 9_000_000))
    }
    #expect(error { try endpoint(endless)(jpeg: jpeg) } != nil)
  }

  @Test func silenceEnds() throws {
    let server = try LocalServer { _, _ in .silence }
    var endpoint = try endpoint(server)
    (endpoint.timeout, endpoint.attempts) = (0.2, 2)
    let problem = try #require(error { try endpoint(jpeg: jpeg) })
    #expect(problem.description.contains("no answer within 1 s") && problem.concernsAllPictures)
    #expect(throws: CancellationError.self) {
      try self.endpoint(server)(jpeg: jpeg) { true }
    }
  }

  @Test func aServerThatIsGoneIsTold() throws {
    let server = try LocalServer { _, _ in .silence }
    let endpoint = try endpoint(server)
    server.stop()
    let problem = try #require(error { try endpoint(jpeg: jpeg) })
    #expect(problem.concernsAllPictures && problem.description.contains("start the server"))
  }

  @Test func addressesAreChecked() throws {
    for (base, url) in [
      ("http://localhost:8080", "http://localhost:8080/v1/chat/completions"),
      ("http://localhost:8080/", "http://localhost:8080/v1/chat/completions"),
      ("https://example.org/api/v1/", "https://example.org/api/v1/chat/completions"),
    ] { #expect(try CaptionEndpoint(base).url.absoluteString == url) }
    for base in [
      "", "localhost:8080", "ftp://a", "http://", "http://a b", "http:///v1", "x", "http://a?b",
    ] {
      #expect(throws: CaptionError.self, "\(base)") { try CaptionEndpoint(base) }
    }
  }

  @Test func picturesThatCannotBeReadAreTold() throws {
    let folder = try ScratchFolder()
    let endpoint = try CaptionEndpoint("http://127.0.0.1:9")
    #expect(throws: ImagingError.self) { try endpoint(file: folder("nothing.png")) }
  }
}

/// The requests that a server received.
private final class Requests: Sendable {
  private let requests = Mutex<[LocalServer.Request]>([])

  func append(_ request: LocalServer.Request) { requests.withLock { $0.append(request) } }

  var all: [LocalServer.Request] { requests.withLock { $0 } }
}
