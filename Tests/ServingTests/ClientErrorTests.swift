import Foundation
import Imaging
import Logging
import TestSupport
import Testing

@testable import Serving

/// Clients' mistakes are reported to them as such, as far as that is possible.
@Suite struct ClientErrorTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private static let post =
    "POST /v1/restorations HTTP/1.1\r\nHost: localhost\r\n"
    + "Content-Type: multipart/form-data; boundary=x\r\n"

  /// Runs `body` with a service whose log is kept, and checks that it contains no errors.
  private func with(_ body: @Sendable (TestService, LogLines) async throws -> Void) async throws {
    let lines = LogLines()
    var limits = ServiceLimits()
    limits.bodyBytes = 100_000
    try await TestService.with(
      folder, restores: false, limits, logger: lines.logger(level: .debug)
    ) { try await body($0, lines) }
    // Warnings of the image library may be caused by other tests' pictures.
    for line in lines.all where !line.contains(#""library""#) {
      #expect(
        !line.contains(#""level":"error""#) && !line.contains(#""level":"warning""#), "\(line)")
    }
  }

  private static func statuses(_ lines: LogLines) throws -> [Int] {
    try lines.events("request").compactMap { $0["status"] as? Int }
  }

  @Test func clientsThatVanishAreNoErrors() async throws {
    try await with { service, lines in
      for ending in 0..<3 {
        let connection = try Connection(service)
        try await connection.send(
          Self.post
            + (ending == 1 ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 9000\r\n\r\n"))
        let part = "--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc"
        try await connection.send(
          ending == 1 ? String(part.utf8.count, radix: 16) + "\r\n\(part)\r\n" : part)
        if ending == 2 { try await connection.endSending() } else { try await connection.vanish() }
      }
      #expect(try await eventually { try Self.statuses(lines).count == 3 })
      #expect(try Self.statuses(lines) == [499, 499, 499])
    }
  }

  @Test(arguments: [
    ("Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"),
    ("Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n", "400"),
    ("Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n", "400"),
    ("Transfer-Encoding: gzip\r\n\r\nabc", "400"),
    ("Transfer-Encoding: chunked, gzip\r\n\r\nabc", "400"),
    ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", "400"),
    ("Content-Length: -3\r\n\r\nabc", "400"),
    ("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400"),
  ])
  func malformedBodiesAreRefused(_ rest: String, _ status: String) async throws {
    try await with { service, _ in
      let connection = try Connection(service)
      try await connection.send(Self.post + rest)
      let line = try await connection.read(until: "\r\n")
      #expect(line.hasPrefix("HTTP/1.1 \(status) "), "\(line)")
    }
  }

  /// RFC 9110, section 10.1.1: a client that asks before it sends gets "100 Continue" or the reason
  /// for a refusal.
  @Test func bodiesAreInvited() async throws {
    let form = Data(
      "--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nno picture\r\n--x--".utf8)
    try await with { service, _ in
      let connection = try Connection(service)
      let expect = "Expect: 100-continue\r\n"
      try await connection.send(Self.post + expect + "Content-Length: \(form.count)\r\n\r\n")
      let invitation = try await connection.read(until: "\r\n\r\n")
      #expect(invitation.hasPrefix("HTTP/1.1 100 "))
      try await connection.send(form)
      #expect(try await connection.answer().head.hasPrefix("HTTP/1.1 422 "))

      for (head, status) in [
        (Self.post + expect + "Content-Length: 100001\r\n\r\n", 413),
        (
          Self.post.replacing("multipart/form-data", with: "text/plain") + expect
            + "Content-Length: 9\r\n\r\n", 415
        ),
        (
          Self.post.replacing("localhost", with: "evil.example") + expect
            + "Content-Length: 9\r\n\r\n", 403
        ),
      ] {
        let refused = try Connection(service)
        try await refused.send(head)
        #expect(try await refused.read(until: "\r\n").hasPrefix("HTTP/1.1 \(status) "))
      }
    }
  }

  /// Requests in progress are counted until they have ended, whatever the path.
  @Test func requestsThatHaveEndedAreNotUnderWay() async throws {
    try await with { service, lines in
      func active(_ method: String) async throws -> Int? {
        let text = try await service.send("GET", "/metrics").text
        let name = #"http_server_active_requests{method="\#(method)"} "#
        return text.split(separator: "\n").first { $0.hasPrefix(name) }
          .flatMap { Int($0.dropFirst(name.count)) }
      }
      for method in ["HEAD", "HEAD", "OPTIONS", "BREW"] {
        _ = try await service.send(method, "/v1/restorations")
      }
      _ = try await service.send("HEAD", "/v1/events")
      _ = try await service.send("HEAD", "/nowhere")
      // Services of other tests in this process are counted too.
      #expect(try await eventually { try await active("HEAD") == 0 })
      #expect(try await eventually { (try await active("other") ?? 0) == 0 })
      let text = try await service.send("GET", "/metrics").text
      #expect(!text.contains("BREW"))

      let stream = try Connection(service)
      try await stream.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
      _ = try await stream.read(until: "event: list")
      func ended() throws -> Int {
        try lines.events("request").count {
          $0["path"] as? String == "/v1/events" && $0["method"] as? String == "GET"
        }
      }
      #expect(try ended() == 0)
      try await stream.vanish()
      #expect(try await eventually { try ended() == 1 })
    }
  }
}
