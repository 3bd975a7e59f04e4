import Foundation
import TestSupport
import Testing

@testable import Serving

/// Who may use the service, and where it is listened to.
@Suite struct AccessTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  @Test func strangersAreKeptOut() async throws {
    try await TestService.with(folder, restores: false, token: "a-long-token") { service in
      for (method, path) in [
        ("GET", "/v1/service"), ("GET", "/v1/restorations"), ("POST", "/v1/restorations"),
        ("GET", "/v1/events"), ("GET", "/metrics"), ("DELETE", "/v1/restorations/\(UUID())"),
      ] {
        let answer = try await service.send(method, path, asks: false)
        #expect(answer.status == 401 && answer.header("WWW-Authenticate") == "Bearer", "\(path)")
        let wrong = try await service.send(
          method, path, ["Authorization": "Bearer a-long-tokeN"], asks: false)
        #expect(wrong.status == 401)
      }
      for path in ["/", "/healthz", "/readyz", "/openapi.json"] {
        #expect(try await service.send("GET", path, asks: false).status == 200)
      }
      #expect(try await service.send("GET", "/v1/service").status == 200)

      func signIn(_ token: String) async throws -> TestService.Answer {
        try await service.send(
          "POST", "/v1/session", body: Data(#"{"token": "\#(token)"}"#.utf8), asks: false)
      }
      #expect(try await signIn("wrong").status == 401)
      let signedIn = try await signIn("a-long-token")
      let cookie = try #require(signedIn.header("Set-Cookie"))
      #expect(signedIn.status == 204 && cookie.contains("HttpOnly; SameSite=Strict"))
      let pair = String(cookie.prefix { $0 != ";" })
      let inside = try await service.send("GET", "/v1/service", ["Cookie": pair], asks: false)
      #expect(inside.status == 200)
      let other = try await service.send(
        "GET", "/v1/service", ["Cookie": pair + "x"], asks: false)
      #expect(other.status == 401)
    }
  }

  /// A page of another site that the user has open, and a name that leads here by somebody's DNS.
  @Test func otherSitesPagesAreRefused() async throws {
    try await TestService.with(folder, restores: false) { service in
      for (headers, code) in [
        (["Origin": "http://evil.example"], "foreign_origin"),
        (["Origin": "null"], "foreign_origin"),
        (["Host": "evil.example"], "foreign_host"),
      ] {
        for (method, path) in [("POST", "/v1/restorations"), ("GET", "/v1/restorations")] {
          let answer = try await service.send(method, path, headers)
          #expect(answer.status == 403 && answer.code == code, "\(headers)")
        }
      }
      let own = try await service.send("GET", "/v1/service", ["Origin": service.base])
      #expect(own.status == 200)
    }
    for (name, isLoopback) in [
      ("localhost:80", true), ("127.0.0.1", true), ("[::1]:80", true), ("nsarm.localhost", true),
      ("localhost.evil.example", false), ("127.evil.example", false), ("", false),
      ("192.168.1.2:80", false), ("::1", true), ("127.0.0.1.evil.example", false),
      ("127.0.0.256", false), ("127.0.0.1:8080", true), ("1.127.0.0", false),
    ] { #expect(Access.isLoopback(name) == isLoopback, "\(name)") }
  }

  @Test func anAddressThatIsNotToBeHadIsTold() async throws {
    try await TestService.with(folder, restores: false) { service in
      var door = RestorationService.Door()
      door.port = try #require(URL(string: service.base)?.port)
      for (host, reason) in [
        ("127.0.0.1", "another program listens there"), ("nowhere.invalid", "no address of this"),
      ] {
        door.host = host
        let other = try await RestorationService(.folder(folder("other")), logger: silent)
        let server = other.server(
          door, models: service.models, version: "1", workers: 0
        ) { _ in }
        do {
          try await server.run()
          Issue.record("listens")
        } catch { #expect("\(error)".hasPrefix("\(host):\(door.port): \(reason)")) }
      }
    }
  }

  @Test func anAddressHasItsRate() async throws {
    let (limit, start) = (RateLimit(perMinute: 2), Date())
    for _ in 0..<2 { try await limit.count("a", at: start) }
    try await limit.count("b", at: start)
    do {
      try await limit.count("a", at: start + 15)
      Issue.record("accepted")
    } catch let problem as Problem {
      #expect(problem.status == .tooManyRequests && problem.headers[.retryAfter] == "15")
    }
    try await limit.count("a", at: start + 31)
    await #expect(throws: Problem.self) { try await limit.count("a", at: start + 32) }
  }
}
