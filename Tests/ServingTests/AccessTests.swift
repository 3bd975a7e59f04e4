import Foundation
import TestSupport
import Testing

@testable import Serving

/// Authentication, host names and the listening address.
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
      for path in ["/", "/healthz", "/openapi.json"] {
        #expect(try await service.send("GET", path, asks: false).status == 200)
      }
      #expect(try await service.send("GET", "/readyz", asks: false).code == "no_worker")
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

  /// Requests from another site's page in the user's browser, and from a domain that resolves to
  /// this machine.
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
    ] { #expect(HostNames.isLoopback(name) == isLoopback, "\(name)") }
  }

  @Test func anAddressThatIsNotToBeHadIsTold() async throws {
    try await TestService.with(folder, restores: false) { service in
      var listen = RestorationService.ListenOptions()
      listen.port = try #require(URL(string: service.base)?.port)
      for (host, reason) in [
        ("127.0.0.1", "the port is in use"), ("nowhere.invalid", "not an address of this"),
      ] {
        listen.host = host
        let other = try await RestorationService(.folder(folder("other")), logger: silent)
        let server = other.server(listen, models: service.models, version: "1") { _ in }
        do {
          try await server.run()
          Issue.record("listens")
        } catch { #expect("\(error)".hasPrefix("\(host):\(listen.port): \(reason)")) }
      }
    }
  }

  @Test func anAddressHasItsRate() {
    let (limit, start) = (RateLimit(perMinute: 2), ContinuousClock.now)
    func take(_ address: String, _ seconds: Int) -> RateLimit.State {
      limit.take(address, at: start + .seconds(seconds))
    }
    #expect(take("a", 0) == .init(isGranted: true, remaining: 1, retryAfter: 0, reset: 30))
    #expect(take("a", 0).isGranted && take("b", 0).isGranted)
    #expect(take("a", 15) == .init(isGranted: false, remaining: 0, retryAfter: 15, reset: 45))
    #expect(limit.peek("a", at: start + .seconds(31)).isGranted)
    #expect(take("a", 31).isGranted && !take("a", 32).isGranted)
    #expect(take("a", 3600).remaining == 1)
  }

  /// An attacker who guesses tokens is slowed down and logged, without locking others out.
  @Test func tokensAreNotGuessed() async throws {
    let lines = LogLines()
    var limits = ServiceLimits()
    (limits.perMinute, limits.wrongTokensPerMinute) = (3, 2)
    try await TestService.with(
      folder, restores: false, token: "a-long-token", limits, logger: lines.logger(level: .notice),
      listen: { $0.trustedProxies = [AddressRange("127.0.0.1")!] }
    ) { service in
      func signIn(_ token: String, from address: String) async throws -> TestService.Answer {
        try await service.send(
          "POST", "/v1/session", body: Data(#"{"token": "\#(token)"}"#.utf8),
          ["X-Forwarded-For": address], asks: false)
      }
      let (guesser, user) = ("203.0.113.1", "203.0.113.2")
      let cookie = try #require(
        try await signIn("a-long-token", from: guesser).header("Set-Cookie")?.prefix { $0 != ";" })
      for number in 0..<2 {
        // By the header and by signing in.
        let answer =
          number % 2 == 0
          ? try await signIn("wrong-\(number)", from: guesser)
          : try await service.send(
            "GET", "/v1/service",
            ["Authorization": "Bearer wrong-\(number)", "X-Forwarded-For": guesser], asks: false)
        #expect(answer.status == 401, "\(number)")
      }
      // The right token is no longer distinguished from a wrong one either.
      for token in ["wrong-10", "a-long-token"] {
        let refused = try await signIn(token, from: guesser)
        #expect(refused.status == 429 && refused.code == "too_many_attempts")
        #expect((1...30).contains(Int(refused.header("Retry-After") ?? "") ?? 0))
      }
      #expect(try await signIn("a-long-token", from: user).status == 204)
      let inside = try await service.send(
        "GET", "/v1/service", ["Cookie": "\(cookie)", "X-Forwarded-For": guesser], asks: false)
      #expect(inside.status == 200)
      // The rate limit of uploads is separate.
      let upload = try await service.send(
        "POST", "/v1/restorations", body: Data("{}".utf8),
        ["Content-Type": "application/json", "Cookie": "\(cookie)", "X-Forwarded-For": guesser],
        asks: false)
      #expect(upload.status == 422 && upload.header("RateLimit-Remaining") == "2")
    }
    let events = try lines.events("wrong token")
    #expect(events.count == 2)
    #expect(events.allSatisfy { $0["address"] as? String == "203.0.113.1" })
    #expect(events.allSatisfy { $0["level"] as? String == "notice" })
    #expect(!lines.all.joined().contains("wrong-"))
  }

  @Test func sessionsEnd() async throws {
    try await TestService.with(folder, restores: false, token: "a-long-token") { service in
      func signIn() async throws -> String {
        let answer = try await service.send(
          "POST", "/v1/session", body: Data(#"{"token": "a-long-token"}"#.utf8), asks: false)
        return String(try #require(answer.header("Set-Cookie")).prefix { $0 != ";" })
      }
      func isInside(_ cookie: String) async throws -> Bool {
        let answer = try await service.send(
          "GET", "/v1/service", ["Cookie": cookie], asks: false)
        return answer.status == 200
      }
      let (one, other) = (try await signIn(), try await signIn())
      #expect(one != other)
      for cookie in [one, other] { #expect(try await isInside(cookie)) }
      let out = try await service.send("DELETE", "/v1/session", ["Cookie": one], asks: false)
      #expect(out.status == 204 && out.header("Set-Cookie")?.contains("Max-Age=0") == true)
      // A copied cookie is useless from now on.
      #expect(try await isInside(one) == false)
      #expect(try await isInside(other))
    }
    let (sessions, start) = (Sessions(), ContinuousClock.now)
    let id = sessions.begin(at: start)
    #expect(id.count == 64)
    #expect(sessions.isOpen(id, at: start + .seconds(30 * 86400 - 1)))
    #expect(!sessions.isOpen(id, at: start + .seconds(30 * 86400)))
    #expect(!sessions.isOpen(""))
  }

  /// Without a token, pages of other sites are still refused, by the host names they address.
  @Test func otherNamesAreRefusedWhereThereIsNoToken() async throws {
    try await TestService.with(
      folder, restores: false,
      listen: {
        $0.host = "0.0.0.0"
        $0.publicURL = try? PublicURL("http://photos.example:81")
      }
    ) { service in
      var name = [CChar](repeating: 0, count: 256)
      gethostname(&name, 255)
      let own = String(
        decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      for host in [
        "127.0.0.1:\(service.port)", "192.0.2.7:80", "[2001:db8::1]:80", "localhost", own,
        "photos.example:81", "PHOTOS.example",
      ] {
        let answer = try await service.send("GET", "/v1/service", ["Host": host])
        #expect(answer.status == 200, "\(host)")
      }
      for host in ["evil.example", "127.0.0.1.evil.example", "evil.example:80"] {
        let answer = try await service.send("GET", "/v1/service", ["Host": host])
        #expect(answer.status == 403 && answer.code == "foreign_host", "\(host)")
      }
    }
    try await TestService.with(
      folder, restores: false, token: "a-long-token", listen: { $0.host = "0.0.0.0" }
    ) { service in
      // The token protects from pages that a host name has let in.
      let answer = try await service.send("GET", "/v1/service", ["Host": "box.example"])
      #expect(answer.status == 200)
    }
  }
}
