import Foundation
import TestSupport
import Testing

/// `nsarm submit` and `nsarm work`, through a queue of this machine.
@Suite(.serialized, .ownThreads) struct SubmitTests {
  private let folder = try! ScratchFolder()
  private static let names = ["a.png", "b.png", "sub/c.png", "sub/d.png"]

  private func submit(_ options: String...) throws -> Command.Result {
    try Command.run(
      ["submit", folder("in"), "-o", folder("out"), "--queue", folder("queue")] + options,
      environment: ["NSARM_MODEL": Command.model])
  }

  private func contents(_ output: String) throws -> [Data] {
    try Self.names.map { try Data(contentsOf: URL(fileURLWithPath: folder("\(output)/\($0)"))) }
  }

  @Test func twoWorkersRestoreAFolder() throws {
    for (index, name) in Self.names.enumerated() {
      try folder.write(scene(8 + index, 8), "in/\(name)")
    }
    _ = try folder.write("in/e.png", [1])
    let alone = try Command.upscale(folder("in"), "-o", folder("alone"), "--seed", "5")
    #expect(alone.status == 1, "\(alone.errors)")
    let workers = (0..<2).map { _ in
      Command.process(
        ["work", "--data", folder("queue"), "--model", Command.model, "--threads", "1"])
    }
    for worker in workers {
      worker.standardError = FileHandle.nullDevice
      try worker.run()
    }
    defer {
      for worker in workers {
        worker.terminate()
        worker.waitUntilExit()
      }
    }
    let result = try submit("--seed", "5")
    #expect(result.status == 1 && result.outputLines.count == 4, "\(result.errors)")
    #expect(result.errors.contains("error: \(folder("in/e.png"))"))
    #expect(result.errors.contains("4 done, 1 failed in "))
    #expect(try contents("out") == contents("alone"))
    unlink(folder("in/e.png"))
    unlink(folder("out/b.png"))
    let again = try submit("--seed", "5")
    #expect(again.status == 0 && again.outputLines.count == 1, "\(again.errors)")
    #expect(again.errors.contains("1 done, 3 skipped in "))
    #expect(try contents("out") == contents("alone"))
  }

  /// What was submitted before Ctrl-C stays in the queue, and is fetched by the next run.
  @Test func aStoppedRunGoesOn() throws {
    try folder.write(scene(8, 8), "in/a.png")
    let arguments = ["submit", folder("in"), "-o", folder("out"), "--queue", folder("queue")]
    let process = Command.process(arguments, environment: ["NSARM_MODEL": Command.model])
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    // The picture's file appears in the queue's folder with its job.
    while process.isRunning,
      !folder.contents.contains(where: { $0.hasPrefix("queue/pictures/") })
    {
      usleep(2000)
    }
    process.interrupt()
    process.waitUntilExit()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationStatus == 130, "\(text)")
    #expect(text.contains("in the queue, and the same command goes on"))
    let worker = Command.process(
      ["work", "--data", folder("queue"), "--model", Command.model, "--threads", "1"])
    worker.standardError = FileHandle.nullDevice
    try worker.run()
    defer {
      worker.terminate()
      worker.waitUntilExit()
    }
    let result = try submit()
    #expect(result.status == 0 && result.outputLines.count == 1, "\(result.errors)")
    #expect(folder.contents.contains("out/a.png"))
    #expect(!folder.contents.contains { $0.hasPrefix("queue/pictures/") }, "nothing is left")
  }

  @Test func mistakes() throws {
    for (options, text) in [
      (["--queue", "mysql://host/name"], "a PostgreSQL address is wanted"),
      (["--queue", ""], "--queue is empty"), ([], "name the workers' queue"),
      (["--queue", folder("q"), "-o", ""], "-o is empty"),
      (["--queue", folder("q"), "--scale", "9"], "--scale has to be"),
    ] {
      let result = try Command.run(["submit", folder.path] + options)
      #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
    }
    let none = try Command.run(
      ["submit", folder.path, "--queue", "postgres://nobody@127.0.0.1:1/none"])
    #expect(none.status == 1 && none.errors.contains("PostgreSQL"), "\(none.errors)")
  }
}
