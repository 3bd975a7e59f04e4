import Files
import Foundation
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Serving

/// Endpoints for monitoring.
@Suite struct StatusTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A database that responds as a test requires.
  private struct OddDatabase: Database {
    enum Oddity { case hangs, isFull, fails }
    let inner: SQLiteDatabase
    let oddity: Oddity
    var dialect: SQLDialect { inner.dialect }
    var pictures: any PictureStorage { inner.pictures }

    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
      async throws -> Value
    {
      switch oddity {
      // Never returns, not even after cancellation.
      case .hangs: return await withUnsafeContinuation { _ in }
      case .fails: throw DatabaseFailure(reason: .unavailable, description: "gone")
      case .isFull: return try await inner.read(body)
      }
    }

    func requireRoom(for bytes: Int) throws {
      if oddity == .isFull { throw FileError.noRoom(path: "p", needed: 1, free: 0) }
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value)
      async throws -> Value
    { try await inner.write(body) }
  }

  private func status(
    _ oddity: OddDatabase.Oddity?, workers: (@Sendable () async throws -> Int)? = { 1 }
  ) async throws -> ServiceStatus {
    let inner = try SQLiteDatabase(folder("jobs.sqlite"))
    try await JobSchema.prepare(inner)
    let database: any Database = oddity.map { OddDatabase(inner: inner, oddity: $0) } ?? inner
    return ServiceStatus(
      store: JobStore(database: database), shutdown: Shutdown(), workersAlive: workers)
  }

  @Test func readyMeansThatWorkIsDone() async throws {
    func problem(_ status: ServiceStatus) async -> Problem? {
      do {
        try await status.ready()
        return nil
      } catch { return Problem(error) }
    }
    #expect(await problem(try await status(nil)) == nil)
    // A worker's own endpoint.
    #expect(await problem(try await status(nil, workers: nil)) == nil)
    #expect(await problem(try await status(nil, workers: { 0 }))?.code == "no_worker")
    #expect(await problem(try await status(.isFull))?.code == "disk_full")
    #expect(await problem(try await status(.fails))?.code == "unavailable")
    let ending = try await status(nil)
    ending.shutdown.begin()
    #expect(await problem(ending)?.code == "shutting_down")
    for oddity in [OddDatabase.Oddity.isFull, .fails] {
      #expect(await problem(try await status(oddity))?.status == .serviceUnavailable)
    }
  }

  /// The response arrives although the database's never does.
  @Test func aDatabaseThatHangsIsTold() async throws {
    let status = try await status(.hangs)
    let start = ContinuousClock.now
    do {
      try await status.ready()
      Issue.record("ready")
    } catch {
      let problem = Problem(error)
      #expect(problem.status == .serviceUnavailable && problem.code == "unavailable")
    }
    #expect(ContinuousClock.now - start < .seconds(30))
    #expect(await status.metrics().contains("nsarm_database_up 0\n"))
  }

  @Test func deadlinesAreKept() async throws {
    #expect(try await within(.seconds(60)) { 7 } == 7)
    await #expect(throws: CancellationError.self) {
      try await within(.seconds(60)) { throw CancellationError() }
    }
    await #expect(throws: DeadlinePassed.self) {
      try await within(.milliseconds(20)) {
        await withUnsafeContinuation { (_: UnsafeContinuation<Int, Never>) in }
      }
    }
  }

  /// Gauges have the current values, and zero if there is nothing.
  @Test func gaugesAreReadWhenTheyAreAskedFor() async throws {
    try Data("P6\n2 2\n255\n".utf8 + Array(repeating: 9, count: 12)).write(
      to: URL(fileURLWithPath: folder("p.ppm")))
    let photo = try Data(contentsOf: URL(fileURLWithPath: folder("p.ppm")))
    try await TestService.with(folder, restores: false) { service in
      func count(_ state: String) async throws -> String? {
        let text = try await service.send("GET", "/metrics").text
        let name = "nsarm_jobs{state=\"\(state)\"} "
        return text.split(separator: "\n").first { $0.hasPrefix(name) }.map {
          String($0.dropFirst(name.count))
        }
      }
      for state in Job.State.allCases { #expect(try await count(state.rawValue) == "0") }
      let id = try #require(try await service.upload(photo).json["id"] as? String)
      #expect(try await count("queued") == "1")
      _ = try await service.send("POST", "/v1/restorations/\(id)/cancel")
      #expect(try await count("queued") == "0")
      #expect(try await count("cancelled") == "1")
    }
  }

  /// Every metric has a description, and Prometheus' own checker finds no fault.
  @Test func metricsAreWellFormed() async throws {
    let text = Mutex("")
    try await TestService.with(folder, restores: false) { service in
      _ = try await service.send("HEAD", "/v1/service")
      let answer = try await service.send("GET", "/metrics").text
      text.withLock { $0 = answer }
    }
    let all = text.withLock { $0 }
    func names(_ prefix: String) -> [String] {
      all.split(separator: "\n").filter { $0.hasPrefix(prefix) }.map {
        String($0.split(separator: " ")[2])
      }
    }
    let (types, helps) = (names("# TYPE "), names("# HELP "))
    #expect(types == helps && Set(types).count == types.count && types.count > 10)
    for name in types where name.hasPrefix("nsarm_") || name.hasPrefix("http_") {
      #expect(!all.contains("# HELP \(name) See the library"), "\(name)")
    }
    for name in ["nsarm_uploads_total", "nsarm_workers", "nsarm_queue_limit", "nsarm_database_up"] {
      #expect(types.contains(name), "\(name)")
    }
    guard let promtool = Self.promtool else { return }
    let check = Process()
    check.executableURL = URL(fileURLWithPath: promtool)
    check.arguments = ["check", "metrics"]
    let (input, output) = (Pipe(), Pipe())
    (check.standardInput, check.standardOutput, check.standardError) = (input, output, output)
    try check.run()
    input.fileHandleForWriting.write(Data(all.utf8))
    try input.fileHandleForWriting.close()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    check.waitUntilExit()
    #expect(check.terminationStatus == 0 && said.isEmpty, "\(said)")
  }

  private static let promtool = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  /// Workers are monitored like servers.
  @Test func workersHaveFigures() async throws {
    let service = try await RestorationService(.folder(folder("data")), logger: silent)
    let (ports, found) = AsyncStream.makeStream(of: Int.self)
    let server = service.status(host: "127.0.0.1", port: 0) {
      found.yield($0)
      found.finish()
    }
    let group = ServiceGroup(configuration: .init(services: [server], logger: silent))
    let running = Task { try await group.run() }
    var port = 0
    for await number in ports { port = number }
    for (path, part) in [
      ("/healthz", "ok"), ("/readyz", "ready"), ("/metrics", "process_resident_memory_bytes"),
      ("/metrics", "nsarm_jobs{state=\"queued\"} 0"), ("/v1/service", "not_found"),
    ] {
      let connection = try Connection(port: port)
      try await connection.send("GET \(path) HTTP/1.1\r\nHost: worker-1:9100\r\n\r\n")
      let text = String(decoding: try await connection.answer().body, as: UTF8.self)
      #expect(text.contains(part), "\(path): \(text.prefix(200))")
    }
    await group.triggerGracefulShutdown()
    try await running.value
  }
}
