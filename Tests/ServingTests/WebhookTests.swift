import Foundation
import Imaging
import Synchronization
import TestSupport
import Testing

@testable import Serving

@Suite(.timeLimit(.minutes(30))) struct WebhookTests {
  private let folder: ScratchFolder
  private static let secret = "whsec_" + Data((0..<32).map { UInt8($0) }).base64EncodedString()

  init() throws {
    folder = try ScratchFolder()
    try folder.write(
      Image(FloatImage(width: 8, height: 8, channels: 3, repeating: 0.4)), "photo.png")
  }

  private func order() -> Job.Order {
    let picture = Job.Picture(
      width: 8, height: 8, bytes: 90, mediaType: "image/png", name: "photo.png")
    return Job.Order(settings: RestorationSettings(), input: picture, output: picture)
  }

  /// An ended job with a webhook.
  private func ended(_ store: JobStore, url: String) async throws -> Job {
    var order = order()
    order.settings.webhook = url
    let (job, _) = try await store.add(
      order, input: .file(folder("photo.png")), limit: 99, key: nil)
    #expect(job.order.settings.webhook == nil)
    _ = try await store.claim("w")
    try await store.finish(job.id, "w", .failed("no light"), seconds: 1)
    return job
  }

  /// Runs a sender until a condition holds.
  private func send(
    _ store: JobStore, allowsPrivate: Bool = true,
    until condition: @escaping @Sendable () async throws -> Bool
  ) async throws {
    let policy = try WebhookPolicy(secret: Self.secret, allowsPrivate: allowsPrivate)
    var sender = WebhookSender(store: store, policy: policy, logger: silent)
    sender.pauseScale = 0.002
    // A child task, so that it runs on this suite's threads too.
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [sender] in try await sender.run() }
      while try await !condition() { try await Task.sleep(for: .milliseconds(20)) }
      group.cancelAll()
    }
  }

  private func row(_ store: JobStore) async throws -> SQLRow? {
    try await store.database.read { db in
      try db.run("SELECT attempts, told FROM nsarm_webhooks").first
    }
  }

  @Test(arguments: TestDatabase.all) func theEndIsTold(_ place: TestDatabase) async throws {
    let store = try await place.store(folder)
    let requests = Mutex<[LocalServer.Request]>([])
    // The first attempts fail in two ways.
    let server = try LocalServer { number, request in
      requests.withLock { $0.append(request) }
      return number == 0 ? .status(500, "{}") : number == 1 ? .raw("") : .status(204, "")
    }
    defer { server.stop() }
    let job = try await ended(store, url: server.address + "/hook?a=b#c")
    try await send(store) { try await self.row(store)?.real("told") != nil }
    let all = requests.withLock { $0 }
    #expect(all.count == 3)
    var ids: Set<String> = []
    for request in all {
      #expect(request.head.hasPrefix("POST /hook?a=b HTTP/1.1\r\n"))
      func header(_ name: String) -> String {
        request.head.components(separatedBy: "\r\n").first {
          $0.lowercased().hasPrefix("\(name): ")
        }.map { String($0.dropFirst(name.count + 2)) } ?? ""
      }
      let id = header("webhook-id")
      ids.insert(id)
      let timestamp = try #require(Int(header("webhook-timestamp")))
      #expect(abs(Date().timeIntervalSince1970 - Double(timestamp)) < 600)
      let policy = try WebhookPolicy(secret: Self.secret)
      #expect(
        header("webhook-signature")
          == policy.signature(id: id, timestamp: timestamp, body: request.body))
      let body = try JSONSerialization.jsonObject(with: request.body) as? [String: Any]
      #expect(body?["type"] as? String == "restoration.failed")
      let data = body?["data"] as? [String: Any]
      #expect(data?["id"] as? String == JobStore.name(job.id))
      #expect(data?["error"] as? String == "no light")
    }
    #expect(ids.count == 1)
    // Nobody is notified twice, not even by the next service.
    try await send(store) { true }
    #expect(requests.withLock { $0.count } == 3)
    try await store.remove(job.id)
  }

  /// By name, in any notation of the address, or through a redirect.
  @Test func whatIsNotPublicIsNotTold() async throws {
    let store = try await TestDatabase.sqlite.store(folder)
    let count = Mutex(0)
    let server = try LocalServer { _, _ in
      count.withLock { $0 += 1 }
      return .status(204, "")
    }
    defer { server.stop() }
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "0"] {
      let job = try await ended(store, url: "http://\(host):\(server.port)/")
      try await send(store, allowsPrivate: false) {
        try await self.row(store)?.integer("attempts") ?? 0 > 2
      }
      try await store.remove(job.id)
      _ = try await store.database.write { db in try db.run("DELETE FROM nsarm_webhooks") }
    }
    #expect(count.withLock { $0 } == 0)
  }

  @Test func redirectionsAreNotFollowed() async throws {
    let store = try await TestDatabase.sqlite.store(folder)
    let paths = Mutex<[String]>([])
    let server = try LocalServer { number, request in
      paths.withLock { $0.append(String(request.head.prefix { $0 != "\r\n" })) }
      return number == 0
        ? .raw("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
        : .status(410, "")
    }
    defer { server.stop() }
    _ = try await ended(store, url: server.address + "/hook")
    try await send(store) { try await self.row(store)?.real("told") != nil }
    let expected = "POST /hook HTTP/1.1"
    #expect(paths.withLock { $0 } == [expected, expected])
  }

  /// A receiver that has not responded for days.
  @Test func someTimeItIsGivenUp() async throws {
    let store = try await TestDatabase.sqlite.store(folder)
    _ = try await ended(store, url: "http://127.0.0.1:1/")
    _ = try await store.database.write { db in try db.run("UPDATE nsarm_webhooks SET attempts = 9")
    }
    try await send(store) { try await self.row(store)?.real("told") != nil }
  }

  /// The example of the standard's own libraries.
  @Test func signaturesAreThoseOfTheStandard() throws {
    let policy = try WebhookPolicy(secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    #expect(
      policy.signature(
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330,
        body: Data(#"{"test": 2432232314}"#.utf8))
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }

  @Test func addressesAreChecked() throws {
    for text in [
      "10.1.2.3", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.168.1.1", "100.64.0.1",
      "0.0.0.0",
      "::1", "::", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1",
      "::a00:1", "224.0.0.1", "255.255.255.255", "ff02::1",
    ] {
      let address = try #require(IPAddress(text))
      #expect(!address.isPublic, "\(text)")
    }
    for text in ["1.1.1.1", "9.255.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
      let address = try #require(IPAddress(text))
      #expect(address.isPublic, "\(text)")
    }
    for text in [
      "ftp://a.org/", "a.org", "http://", "https://u:p@a.org/", "http://a.org:0/",
      "http://a.org:99999/",
      "http://a b.org/", "http://ü.org/", "javascript:alert(1)", "http://[::1/",
    ] {
      #expect(WebhookTarget(text) == nil, "\(text)")
    }
    let target = try #require(WebhookTarget("HTTPS://A.Example.ORG/x?y=1#z"))
    #expect(target.url == "https://a.example.org/x?y=1" && target.host == "a.example.org")
    #expect(target.port == 443)
    #expect(throws: WebhookPolicy.InvalidSecret.self) { try WebhookPolicy(secret: "whsec_AAAA") }
  }

  @Test func uploadsNameWhomToTell() async throws {
    var limits = ServiceLimits()
    let photo = try Data(contentsOf: URL(fileURLWithPath: folder("photo.png")))
    try await TestService.with(try ScratchFolder(), restores: false, limits) { service in
      let answer = try await service.upload(photo, ["webhook": "https://example.org/"])
      #expect(answer.status == 422 && answer.code == "invalid_setting")
      #expect(try await service.send("GET", "/v1/service").json["webhooks"] as? Bool == false)
    }
    limits.webhooks = try WebhookPolicy(secret: Self.secret)
    try await TestService.with(folder, restores: false, limits) { service in
      #expect(try await service.send("GET", "/v1/service").json["webhooks"] as? Bool == true)
      let answer = try await service.upload(photo, ["webhook": "https://example.org/secret"])
      #expect(answer.status == 202 && !answer.text.contains("secret"))
      for url in ["http://127.0.0.1/", "http://[::1]/", "example.org", "file:///etc/passwd"] {
        let answer = try await service.upload(photo, ["webhook": url])
        #expect(answer.status == 422 && answer.code == "invalid_setting", "\(url)")
      }
    }
  }
}
