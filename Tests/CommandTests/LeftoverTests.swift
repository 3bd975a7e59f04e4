import Foundation
import TestSupport
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What commands leave in the folder for temporary files: nothing, interrupted or not.
@Suite(.serialized, .ownThreads) struct LeftoverTests {
  private let folder = try! ScratchFolder()
  private let temporary: ScratchFolder

  init() throws {
    temporary = try ScratchFolder()
    try scene(40, 30).write(to: folder("a.png"))
  }

  private var environment: [String: String] { ["TMPDIR": temporary.path] }

  @Test(arguments: [
    "upscale a.png --overwrite", "upscale - -o - --format png < a.png > b.png",
    "upscale none.png", "compare a.png a.png -o c.jpg --overwrite",
    "bench --size 32x32 --time 0.01",
  ])
  func commandsLeaveNothing(_ command: String) throws {
    _ = try Command.shell(
      "TMPDIR=\(temporary.path) NSARM_MODEL=\(Command.model) $NSARM \(command)", in: folder.path)
    #expect(temporary.contents == [] && temporary.entries == [])
  }

  /// In the midst of a picture.
  @Test(arguments: [SIGINT, SIGTERM])
  func anInterruptedServiceLeavesNothing(_ signal: Int32) async throws {
    try scene(1500, 1500).write(to: folder("large.png"))
    let process = Command.process(
      ["serve", "--port", "0", "--data", folder("data"), "--model", Command.model],
      environment: environment)
    let messages = Pipe()
    process.standardError = messages
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    let number = try #require(port(messages))
    let picture = try Data(contentsOf: URL(fileURLWithPath: folder("large.png")))
    #expect(try await upload(picture, number) == 202)
    while process.isRunning, try await !isWorking(number) {
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(process.isRunning)
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(temporary.entries == [], "\(temporary.contents)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder("data/work")).isEmpty)
  }

  /// The port in "nsarm is at http://127.0.0.1:PORT/".
  private func port(_ messages: Pipe) -> Int? {
    var text = ""
    while let data = try? messages.fileHandleForReading.read(upToCount: 1), !data.isEmpty {
      text += String(decoding: data, as: UTF8.self)
      if let match = text.firstMatch(of: #/127\.0\.0\.1:(\d+)/\s/#) { return Int(match.1) }
    }
    return nil
  }

  private func isWorking(_ port: Int) async throws -> Bool {
    let url = URL(string: "http://127.0.0.1:\(port)/v1/restorations?state=running")!
    let session = URLSession(configuration: .ephemeral)
    defer { session.finishTasksAndInvalidate() }
    let list = try JSONSerialization.jsonObject(with: await session.data(from: url).0)
    return ((list as? [String: Any])?["restorations"] as? [Any])?.isEmpty == false
  }

  private func upload(_ picture: Data, _ port: Int) async throws -> Int {
    var request = URLRequest(url: URL(string: "http://127.0.0.1:\(port)/v1/restorations")!)
    request.httpMethod = "POST"
    request.setValue("multipart/form-data; boundary=x", forHTTPHeaderField: "Content-Type")
    let head = "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"
    request.httpBody = Data(head.utf8) + picture + Data("\r\n--x--\r\n".utf8)
    let session = URLSession(configuration: .ephemeral)
    defer { session.finishTasksAndInvalidate() }
    return (try await session.data(for: request).1 as! HTTPURLResponse).statusCode
  }
}
