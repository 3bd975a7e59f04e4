import Foundation
import Imaging
import Logging
import TestSupport
import Testing

@testable import Serving

@Suite struct LogTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  @Test func linesAreForPeopleOrForPrograms() throws {
    let (text, json) = (LogLines(), LogLines())
    for logger in [text.logger(.text), json.logger(.json)] {
      var logger = logger
      logger[metadataKey: "request"] = "abc"
      logger.notice(
        "a line\nwith \"breaks\"\u{1b}[31m",
        metadata: ["path": "/a b\n\"c", "bytes": .stringConvertible(12), "job": "x"])
      logger.debug("not wanted")
      // Reported by the command that runs the services, in words for people.
      logger.error("a service has ended", source: "ServiceLifecycle")
    }
    #expect(text.all.count == 1 && json.all.count == 1)
    let line = try #require(text.all.first)
    #expect(
      line.hasSuffix(
        " notice nsarm: a line with \"breaks\" [31m bytes=12 job=x path=\"/a b 'c\" request=abc\n"))
    #expect(line.prefix(20).wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/#) != nil)
    let object = try #require(try json.events("a line\nwith \"breaks\"\u{1b}[31m").first)
    #expect(Set(object.keys) == ["time", "level", "message", "request", "path", "bytes", "job"])
    #expect(object["bytes"] as? Int == 12 && object["level"] as? String == "notice")
    #expect(json.all[0].split(separator: "\n").count == 1)
  }

  /// Every request has an identifier, in the response and in the log.
  @Test func requestsHaveNames() async throws {
    let lines = LogLines()
    try await TestService.with(
      folder, restores: false, logger: lines.logger(level: .notice),
      listen: {
        $0.logsRequests = true
        $0.trustedProxies = [AddressRange("127.0.0.1")!]
      }
    ) { service in
      var names: [String] = []
      for (method, path) in [
        ("GET", "/v1/service"), ("HEAD", "/v1/service"), ("GET", "/nowhere"), ("GET", "/"),
        ("PUT", "/v1/events"),
      ] {
        let answer = try await service.send(method, path)
        names.append(try #require(answer.header("X-Request-Id"), "\(method) \(path)"))
      }
      #expect(Set(names).count == names.count && names.allSatisfy { $0.count >= 12 })
      let given = try await service.send("GET", "/healthz", ["X-Request-Id": "trace-1.a_B"])
      #expect(given.header("X-Request-Id") == "trace-1.a_B")
      for name in ["a b", "<x>", String(repeating: "x", count: 101), "\"", "a,b"] {
        let answer = try await service.send("GET", "/healthz", ["X-Request-Id": name])
        #expect(answer.header("X-Request-Id") != name, "\(name)")
      }
      func entry(_ index: Int) throws -> [String: Any]? {
        try lines.events("request").first { $0["request"] as? String == names[index] }
      }
      for index in names.indices { #expect(try await eventually { try entry(index) != nil }) }
      let first = try #require(try entry(0))
      #expect(first["method"] as? String == "GET" && first["path"] as? String == "/v1/service")
      #expect(first["status"] as? Int == 200 && first["address"] as? String == "127.0.0.1")
      #expect((first["bytes"] as? Int ?? 0) > 100 && first["seconds"] is NSNumber)
      #expect(try entry(1)?["bytes"] as? Int == 0 && entry(2)?["status"] as? Int == 404)
    }
    try await TestService.with(folder, restores: false, logger: lines.logger()) { service in
      // Not of other requests.
      let answer = try await service.send("GET", "/healthz", ["X-Request-Id": "trace-1"])
      #expect(answer.header("X-Request-Id") != "trace-1")
    }
  }

  @Test func acceptedPicturesAreInTheLogOfTheirRequest() async throws {
    try Image(FloatImage(width: 9, height: 7, channels: 3, repeating: 0.5)).write(
      to: folder("p.png"))
    let photo = try Data(contentsOf: URL(fileURLWithPath: folder("p.png")))
    let lines = LogLines()
    try await TestService.with(folder, restores: false, logger: lines.logger()) { service in
      let answer = try await service.upload(photo)
      let event = try #require(try lines.events("a picture was queued").first)
      #expect(event["job"] as? String == (try answer.json["id"] as? String))
      #expect(event["request"] as? String == answer.header("X-Request-Id"))
    }
  }

  /// JSON is compressed for clients that accept it; nothing else is.
  @Test func jsonIsCompressed() async throws {
    try Image(FloatImage(width: 9, height: 7, channels: 3, repeating: 0.5)).write(
      to: folder("p.png"))
    let photo = try Data(contentsOf: URL(fileURLWithPath: folder("p.png")))
    try await TestService.with(folder, restores: false) { service in
      func get(_ path: String, _ encoding: String?) async throws -> (head: String, body: Data) {
        let connection = try Connection(service)
        let accept = encoding.map { "Accept-Encoding: \($0)\r\n" } ?? ""
        try await connection.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(accept)\r\n")
        let (head, body) = try await connection.answer()
        return (head.lowercased(), body)
      }
      // Short bodies are not worth it.
      let little = try await get("/v1/restorations", "gzip")
      #expect(!little.head.contains("content-encoding"))
      for _ in 0..<3 { #expect(try await service.upload(photo).status == 202) }
      let plain = try await get("/v1/restorations", nil)
      #expect(plain.body.count > 1000 && !plain.head.contains("content-encoding"))
      #expect(plain.head.contains("vary: accept-encoding"))
      for encoding in ["gzip", "br, gzip;q=0.5", "*"] {
        let small = try await get("/v1/restorations", encoding)
        #expect(small.head.contains("content-encoding: gzip"), "\(encoding)")
        #expect(small.body.count < plain.body.count)
        #expect(try gunzip(small.body) == plain.body)
      }
      for (path, encoding) in [
        ("/v1/restorations", "gzip;q=0"), ("/v1/restorations", "br"), ("/app.js", "gzip"),
        ("/openapi.json", "gzip"),
      ] {
        let same = try await get(path, encoding)
        #expect(!same.head.contains("content-encoding"), "\(path)")
      }
    }
    #expect(try gunzip(Data(Compression.gzip([]))) == Data())
  }

  private func gunzip(_ data: Data) throws -> Data {
    try data.write(to: URL(fileURLWithPath: folder("x.gz")))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-dc", folder("x.gz")]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let result = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return result
  }
}
