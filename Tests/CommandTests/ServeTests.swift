import Foundation
import Synchronization
import TestSupport
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// `nsarm serve` as operators run it.
@Suite(.serialized, .ownThreads) struct ServeTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A service that takes pictures in, and what it says.
  private final class Service {
    let process: Process
    let said: Said
    let port: Int
    /// Removed when the process has ended: it would create them again.
    private let folders: [ScratchFolder]

    final class Said: Sendable {
      private let bytes = Mutex(Data())
      func add(_ data: Data) { bytes.withLock { $0 += data } }
      var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
    }

    init(
      _ arguments: [String], _ folder: ScratchFolder, temporary: ScratchFolder? = nil,
      environment: [String: String] = [:]
    ) throws {
      folders = [folder] + (temporary.map { [$0] } ?? [])
      var environment = environment
      if let temporary { environment["TMPDIR"] = temporary.path }
      process = Command.process(
        ["serve", "--no-work", "--model", Command.model, "--port", "0", "--data", folder("data")]
          + arguments, environment: environment)
      let (messages, said) = (Pipe(), Said())
      (process.standardError, process.standardOutput) = (messages, FileHandle.nullDevice)
      self.said = said
      try process.run()
      let handle = messages.fileHandleForReading
      while said.text.firstMatch(of: #/http:[^ ]+:(\d+)/ - Ctrl-C/#) == nil {
        guard let data = try handle.read(upToCount: 1), !data.isEmpty else { break }
        said.add(data)
      }
      guard let match = said.text.firstMatch(of: #/http:[^ ]+:(\d+)/ - Ctrl-C/#) else {
        throw FixtureError(description: said.text)
      }
      port = Int(match.1)!
      Thread.detachNewThread {
        while let data = try? handle.read(upToCount: 1), !data.isEmpty { said.add(data) }
      }
    }

    deinit {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }

    func send(_ method: String, _ path: String, body: Data? = nil, type: String? = nil) async throws
      -> Int
    {
      var request = URLRequest(url: URL(string: "http://127.0.0.1:\(port)\(path)")!)
      (request.httpMethod, request.httpBody) = (method, body)
      if let type { request.setValue(type, forHTTPHeaderField: "Content-Type") }
      let session = URLSession(configuration: .ephemeral)
      defer { session.finishTasksAndInvalidate() }
      return (try await session.data(for: request).1 as! HTTPURLResponse).statusCode
    }

    func upload(_ picture: Data) async throws -> Int {
      let head = "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n"
      return try await send(
        "POST", "/v1/restorations",
        body: Data(head.utf8) + picture + Data("\r\n--x--\r\n".utf8),
        type: "multipart/form-data; boundary=x")
    }

    /// Waits for something to be said.
    func hears(_ condition: (String) -> Bool) async throws -> Bool {
      for _ in 0..<600 where !condition(said.text) { try await Task.sleep(for: .milliseconds(100)) }
      return condition(said.text)
    }
  }

  /// Nobody opens it to the world without saying so.
  @Test(arguments: [
    ["--host", "0.0.0.0"], ["--public-url", "https://photos.example"],
  ])
  func theWorldNeedsATokenOrLeave(_ arguments: [String]) throws {
    let refused = try Command.run(
      ["serve", "--no-work", "--model", Command.model, "--port", "0", "--data", folder("data")]
        + arguments)
    #expect(refused.status == 1 && refused.errorLines.count == 1, "\(refused.errors)")
    #expect(refused.errors.contains("NSARM_TOKEN") && refused.errors.contains("--no-token"))
    _ = try Service(arguments + ["--no-token"], folder)
    _ = try Service(arguments, folder, environment: ["NSARM_TOKEN": "a-long-token"])
    let both = try Command.run(
      ["serve", "--no-token"] + arguments, environment: ["NSARM_TOKEN": "a-long-token"])
    #expect(both.status != 0 && both.errors.contains("cannot be combined"), "\(both.errors)")
  }

  @Test(arguments: [
    ("--public-url", "photos.example", "http://HOST"),
    ("--public-url", "https://a.example/app", "at the root"),
    ("--trusted-proxy", "10.0.0.0/33", "an address is wanted"),
    ("--log-format", "xml", "'text' and 'json'"), ("--log-level", "loud", "notice"),
  ])
  func badOptionsAreTold(_ option: String, _ value: String, _ reason: String) throws {
    let result = try Command.run(["serve", option, value, "--data", folder("data")])
    #expect(result.status != 0 && result.errors.contains(reason), "\(result.errors)")
  }

  /// The first line is what is wrong, not what follows from it.
  @Test func aBusyPortIsTheFirstThingToldOf() throws {
    let first = try Service([], folder)
    let second = try Command.run(
      [
        "serve", "--no-work", "--model", Command.model, "--port", "\(first.port)", "--data",
        folder("other"),
      ])
    #expect(second.status == 1)
    #expect(
      second.errorLines == [
        "error: 127.0.0.1:\(first.port): the port is in use; choose another port with --port"
      ], "\(second.errors)")
  }

  /// A log for programs has nothing else in it, and what libraries say of odd pictures is there.
  @Test func theLogIsForPrograms() async throws {
    let service = try Service(["--log-format", "json", "--access-log"], folder)
    #expect(try await service.send("GET", "/nowhere") == 404)
    // A grey pixel, and a tag that nobody knows.
    var tiff = Data("II*\0".utf8) + [8, 0, 0, 0, 7, 0]
    for (tag, value) in [(256, 1), (257, 1), (258, 8), (262, 1), (273, 98), (279, 1), (64999, 1)] {
      tiff += [UInt8(tag & 255), UInt8(tag >> 8), 3, 0, 1, 0, 0, 0, UInt8(value), 0, 0, 0]
    }
    tiff += [0, 0, 0, 0, 0, 128]
    #expect(try await service.upload(tiff) == 202)
    #expect(try await service.hears { $0.contains(#""status":202"#) })
    let lines = service.said.text.split(separator: "\n")
    let events = lines.compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
    #expect(events.count == lines.count, "\(service.said.text)")
    #expect(
      events.contains { $0["path"] as? String == "/nowhere" && $0["status"] as? Int == 404 })
    #expect(
      events.contains { $0["level"] as? String == "warning" && $0["library"] as? String == "VIPS" },
      "\(service.said.text)")
  }

  /// Pictures are their owner's, even in a folder that others may look into.
  @Test func nobodyElseReadsPictures() async throws {
    let temporary = try ScratchFolder()
    for path in [folder("data"), temporary.path] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }
    let service = try Service([], folder, temporary: temporary)
    try scene(40, 30).write(to: folder("a.png"))
    #expect(
      try await service.upload(Data(contentsOf: URL(fileURLWithPath: folder("a.png")))) == 202)
    let files = folder.contents.filter { $0.hasPrefix("data/") }
    #expect(!files.isEmpty)
    for file in files {
      let permissions =
        try FileManager.default.attributesOfItem(atPath: folder(file))[.posixPermissions] as? Int
      #expect((permissions ?? 0o777) & 0o077 == 0, "\(file): \(String(permissions ?? 0, radix: 8))")
    }
  }

  /// The next start removes the temporary files of a service that was killed.
  @Test(.timeLimit(.minutes(30))) func theNextStartTidiesUp() async throws {
    let temporary = try ScratchFolder()
    let left = temporary("nsarm-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: left)
    let service = try Service([], folder, temporary: temporary)
    // Soon after it has begun to listen.
    while FileManager.default.fileExists(atPath: left) {
      try await Task.sleep(for: .milliseconds(50))
    }
    withExtendedLifetime(service) {}
  }
}
