import Foundation
import HTTPTypes
import TestSupport
import Testing

@testable import Serving

/// The service behind a reverse proxy.
@Suite struct ProxyTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false),
    ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "::ffff:127.0.0.1", true),
    ("127.0.0.1", "127.0.0.2", false), ("192.168.1.128/25", "192.168.1.127", false),
    ("192.168.1.128/25", "192.168.1.200", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
    ("2001:db8::/33", "2001:db8:8000::1", false), ("::/0", "10.0.0.1", true),
    ("0.0.0.0/0", "::1", false), ("fe80::/10", "fe80::1%eth0", true),
  ])
  func addressesAreOfNetworks(_ range: String, _ address: String, _ isInside: Bool) throws {
    let (range, address) = (
      try #require(AddressRange(range)), try #require(IPAddress(address))
    )
    #expect(range.contains(address) == isInside)
  }

  @Test func whatIsNoAddressIsNone() {
    for text in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "::/129", "1.2.3.4/-1", "1.2.3.4/8/8"]
    {
      #expect(AddressRange(text) == nil, "\(text)")
    }
    #expect(IPAddress("::ffff:192.0.2.1")?.description == "192.0.2.1")
    #expect(IPAddress("2001:DB8:0::1")?.description == "2001:db8::1")
    #expect(IPAddress("2001:db8:1:2:3::4")?.subscriber.description == "2001:db8:1:2::")
    #expect(IPAddress(forwarded: "\"[2001:db8::1]:4711\"")?.description == "2001:db8::1")
    #expect(IPAddress(forwarded: " 192.0.2.1:80 ")?.description == "192.0.2.1")
    #expect(IPAddress(forwarded: "unknown") == nil)
  }

  @Test(arguments: [
    // From a client that is not a trusted proxy, all of it is ignored.
    ("192.0.2.9", "203.0.113.1", "192.0.2.9"),
    ("127.0.0.1", "203.0.113.1", "203.0.113.1"),
    // Forged addresses precede those that the proxies append.
    ("127.0.0.1", "1.1.1.1, 203.0.113.1", "203.0.113.1"),
    ("127.0.0.1", "1.1.1.1, 203.0.113.1, 10.0.0.7", "203.0.113.1"),
    ("127.0.0.1", "10.0.0.8, 10.0.0.7", "10.0.0.8"),
    ("127.0.0.1", "203.0.113.1, rubbish, 10.0.0.7", "10.0.0.7"),
    ("::ffff:127.0.0.1", "2001:db8::5", "2001:db8::5"),
    ("127.0.0.1", "", "127.0.0.1"),
  ])
  func theClientIsTheLastThatIsNoProxy(_ peer: String, _ chain: String, _ client: String) throws {
    let proxies = TrustedProxies(
      ranges: ["127.0.0.1", "10.0.0.0/8"].compactMap { AddressRange($0) })
    var head = HTTPRequest(method: .get, scheme: "http", authority: "inner:8080", path: "/")
    head.headerFields[.xForwardedFor] = chain
    head.headerFields[.xForwardedProto] = "https"
    head.headerFields[.xForwardedHost] = "photos.example"
    let caller = proxies.caller(peer: IPAddress(peer), head)
    #expect(caller.address?.description == client)
    let isTrusted = peer != "192.0.2.9"
    #expect(caller.isSecure == isTrusted && caller.isForwarded == isTrusted)
    #expect(caller.authority == (isTrusted ? "photos.example" : "inner:8080"))
  }

  @Test func publicAddressesAreRead() throws {
    #expect(try PublicURL("https://Photos.Example/").origin == "https://photos.example")
    #expect(try PublicURL("https://photos.example:443").origin == "https://photos.example")
    #expect(try PublicURL("http://photos.example:8081").origin == "http://photos.example:8081")
    #expect(try PublicURL("http://[2001:db8::1]:81").origin == "http://[2001:db8::1]:81")
    for text in [
      "photos.example", "ftp://photos.example", "https://", "https://photos.example/app",
      "https://photos.example?x", "https://a:b@photos.example", "",
    ] { #expect(throws: PublicURLError.self, "\(text)") { try PublicURL(text) } }
  }

  /// The host names under which nginx and Caddy forward requests, by default and as configured.
  @Test func itAnswersToItsPublicName() async throws {
    try await TestService.with(
      folder, restores: false,
      listen: {
        $0.publicURL = try? PublicURL("https://photos.example")
        $0.trustedProxies = [AddressRange("127.0.0.1")!]
      }
    ) { service in
      let origin = ["Origin": "https://photos.example"]
      for headers in [
        [:], ["Host": "photos.example"], ["X-Forwarded-Host": "photos.example"],
        ["Host": "photos.example:443", "X-Forwarded-Proto": "https"],
      ] {
        let answer = try await service.send(
          "GET", "/v1/service", headers.merging(origin) { $1 })
        #expect(answer.status == 200, "\(headers): \(answer.text)")
      }
      // A page whose domain resolves to this machine sends a proxy's headers itself.
      for headers in [
        ["Host": "evil.example"], ["X-Forwarded-Host": "evil.example"],
        ["Host": "evil.example", "X-Forwarded-Host": "photos.example"],
      ] {
        let answer = try await service.send("GET", "/v1/service", headers)
        #expect(answer.status == 403 && answer.code == "foreign_host", "\(headers)")
      }
      let foreign = try await service.send(
        "GET", "/v1/service", ["Origin": "http://photos.example"])
      #expect(foreign.code == "foreign_origin")
    }
  }

  @Test func cookiesAreSecureWhereTheWayIs() async throws {
    @Sendable func isSecure(_ service: TestService, _ headers: [String: String] = [:]) async throws
      -> Bool
    {
      let answer = try await service.send(
        "POST", "/v1/session", body: Data(#"{"token": "a-long-token"}"#.utf8), headers, asks: false)
      return try #require(answer.header("Set-Cookie")).hasSuffix("; Secure")
    }
    try await TestService.with(
      folder, restores: false, token: "a-long-token",
      listen: { $0.trustedProxies = [AddressRange("127.0.0.1")!] }
    ) { service in
      let plain = try await isSecure(service)
      let http = try await isSecure(service, ["X-Forwarded-Proto": "http"])
      let https = try await isSecure(service, ["X-Forwarded-Proto": "https"])
      #expect(!plain && !http && https)
    }
    try await TestService.with(
      folder, restores: false, token: "a-long-token",
      listen: { $0.publicURL = try? PublicURL("https://photos.example") }
    ) { service in
      let isSecure = try await isSecure(service, ["Host": "photos.example"])
      #expect(isSecure)
    }
    try await TestService.with(folder, restores: false, token: "a-long-token") { service in
      // Only named proxies are trusted.
      let isSecure = try await isSecure(service, ["X-Forwarded-Proto": "https"])
      #expect(!isSecure)
    }
  }

  @Test func clientsOfAProxyHaveRatesOfTheirOwn() async throws {
    var limits = ServiceLimits()
    limits.perMinute = 1
    let lines = LogLines()
    try await TestService.with(
      folder, restores: false, limits, logger: lines.logger(),
      listen: { $0.trustedProxies = [AddressRange("127.0.0.1")!] }
    ) { service in
      func post(_ client: String) async throws -> TestService.Answer {
        try await service.send(
          "POST", "/v1/restorations", body: Data("{}".utf8),
          ["Content-Type": "application/json", "X-Forwarded-For": client])
      }
      let first = try await post("203.0.113.1")
      #expect(first.status == 422 && first.header("RateLimit-Limit") == "1")
      #expect(first.header("RateLimit-Remaining") == "0" && first.header("RateLimit-Reset") == "60")
      #expect(try await post("203.0.113.2").status == 422)
      let second = try await post("9.9.9.9, 203.0.113.1")
      #expect(second.status == 429 && second.code == "rate_limit")
      #expect(second.header("RateLimit-Remaining") == "0")
      let wait = try #require(second.header("Retry-After").flatMap { Int($0) })
      #expect((1...60).contains(wait))
      // Other clients are not counted.
      let other = try await service.send("GET", "/v1/service")
      #expect(other.header("RateLimit-Limit") == nil)
    }
    let addresses = try lines.events("request").compactMap { $0["address"] as? String }
    #expect(addresses.sorted() == ["127.0.0.1", "203.0.113.1", "203.0.113.1", "203.0.113.2"])
  }

  @Test func eventsAreNotHeldUp() async throws {
    try await TestService.with(folder, restores: false) { service in
      let connection = try Connection(service)
      try await connection.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let head = try await connection.read(until: "\r\n\r\n").lowercased()
      #expect(head.contains("\r\nx-accel-buffering: no\r\n") && !head.contains("content-encoding"))
      let plain = try await service.send("GET", "/v1/service")
      #expect(plain.header("X-Accel-Buffering") == nil)
    }
  }
}
