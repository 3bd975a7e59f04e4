import Foundation
import TestSupport
import Testing

/// `nsarm upscale --watch` and `--dry-run`.
@Suite(.ownThreads) struct WatchTests {
  private let scratch = try! ScratchFolder()

  @Test func aDryRunSaysWhatWouldHappen() throws {
    try FileManager.default.createDirectory(
      atPath: scratch("in"), withIntermediateDirectories: true)
    try scene(20, 16).write(to: scratch("in/a.png"))
    try scene(8, 8).write(to: scratch("in/b.jpg"))
    _ = try scratch.write("in/c.png", [1, 2, 3])
    let before = scratch.contents
    let arguments = [scratch("in"), "-o", scratch("out"), "--scale", "2", "--dry-run"]
    let text = try Command.run(["upscale"] + arguments)
    #expect(text.status == 1 && text.errorLines.count == 1 && text.errors.contains("c.png"))
    #expect(
      text.output.contains("in/a.png -> \(scratch("out"))/a.png: 20x16 -> 40x32")
        && text.output.contains("b.jpg: 8x8 -> 16x16"), "\(text.output)")
    let json = try Command.run(["upscale", "--json"] + arguments)
    let lines = try json.output.split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any]
    }
    #expect(lines.count == 3 && lines.contains { $0["width"] as? Int == 40 })
    #expect(scratch.contents == before)

    try scene(4, 4).write(to: scratch("a_x4.png"))
    try scene(4, 4).write(to: scratch("a.png"))
    let exists = try Command.run(["upscale", scratch("a.png"), "--dry-run"])
    #expect(exists.status == 1 && exists.errors.contains("exists already"))
  }

  /// What is there, and what comes later, is restored once; what is broken is told once.
  @Test func picturesThatComeAreRestored() throws {
    let (incoming, results) = (scratch("in"), scratch("out"))
    try FileManager.default.createDirectory(atPath: incoming, withIntermediateDirectories: true)
    try scene(12, 12).write(to: incoming + "/early.png")
    _ = try scratch.write("in/broken.png", [1, 2, 3])
    let process = Command.process([
      "upscale", "--model", Command.model, "--threads", "1", incoming, "-o", results, "--watch",
    ])
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    defer { process.terminate() }
    func wait(for file: String) {
      while process.isRunning, !FileManager.default.fileExists(atPath: results + "/" + file) {
        Thread.sleep(forTimeInterval: 0.1)
      }
    }
    wait(for: "early.png")
    try scene(16, 8).write(to: incoming + "/late.png")
    wait(for: "late.png")
    kill(process.processIdentifier, SIGINT)
    process.waitUntilExit()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let told = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(process.terminationStatus == 130, "\(told)")
    #expect(text.split(separator: "\n").count == 2, "\(text)")
    #expect(text.contains("early.png: 12x12 -> 48x48") && text.contains("late.png: 16x8 -> 64x32"))
    #expect(
      told.components(separatedBy: "broken.png").count == 2 && told.contains("2 done, 1 failed"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: results).count == 2)
  }

  @Test func mistakesAreNamed() throws {
    try scene(4, 4).write(to: scratch("a.png"))
    let file = try Command.run(["upscale", scratch("a.png"), "--watch"])
    #expect(file.status == 64 && file.errors.contains("--watch takes folders"))
    let both = try Command.run(["upscale", scratch(""), "--watch", "--dry-run"])
    #expect(both.status == 64 && both.errors.contains("cannot be combined"))
  }
}
