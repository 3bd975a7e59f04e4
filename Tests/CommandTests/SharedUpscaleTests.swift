import Foundation
import TestSupport
import Testing

/// `nsarm upscale` by several processes that share the folder of the outputs.
@Suite(.serialized, .ownThreads) struct SharedUpscaleTests {
  private let folder = try! ScratchFolder()
  private static let names = (0..<8).map { "\($0).png" }

  private func writePictures() throws {
    for (index, name) in Self.names.enumerated() {
      try folder.write(scene(8 + index, 8), "in/\(name)")
    }
  }

  private static func place(_ rank: Int, of size: Int) -> [String: String] {
    [
      "RANK": "\(rank)", "WORLD_SIZE": "\(size)", "MASTER_ADDR": "127.0.0.1",
      "MASTER_PORT": "29500",
    ]
  }

  private func arguments(_ output: String, _ options: [String] = []) -> [String] {
    ["upscale", folder("in"), "-o", folder(output), "--model", Command.model, "--threads", "1"]
      + options
  }

  private func contents(_ output: String) throws -> [Data] {
    try Self.names.map { try Data(contentsOf: URL(fileURLWithPath: folder("\(output)/\($0)"))) }
  }

  @Test func everyPictureIsRestoredOnce() async throws {
    try writePictures()
    let alone = try Command.run(arguments("alone"))
    #expect(alone.status == 0 && alone.outputLines.count == 8, "\(alone.errors)")
    let results = try await withThrowingTaskGroup(of: (Int, Command.Result).self) { group in
      for rank in 0..<3 {
        group.addTask {
          (rank, try Command.run(arguments("out"), environment: Self.place(rank, of: 3)))
        }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for result in results.values { #expect(result.status == 0, "\(result.errors)") }
    let lines = results.values.flatMap(\.outputLines).map { $0.prefix { $0 != ":" } }
    #expect(lines.sorted() == Self.names.map { Substring(folder("out/\($0)")) })
    #expect(try contents("out") == contents("alone"))
    #expect(results[0]?.errors.contains("8 done in ") == true, "\(results[0]?.errors ?? "")")
    #expect(results[0]?.errors.contains("; by rank 0: ") == true)
    #expect(results[1]?.errors.contains("rank 1: ") == true)
    #expect(results.values.count { $0.errors.contains("8 done in") } == 1, "one summary")
    // All is done.
    let again = try Command.run(arguments("out"), environment: Self.place(0, of: 3))
    #expect(again.status == 0 && again.output == "" && again.errors.contains("8 done in"))
    let other = try Command.run(
      arguments("out", ["--scale", "2"]), environment: Self.place(1, of: 3))
    #expect(other.status == 1 && other.errors.contains("begun with other settings (size"))
  }

  /// The process ends in the midst of a picture; another takes it up after the lease.
  @Test func whatAKilledProcessLeftIsFinished() throws {
    try writePictures()
    let alone = try Command.run(arguments("alone"))
    #expect(alone.status == 0, "\(alone.errors)")
    let process = Command.process(arguments("out"), environment: Self.place(1, of: 2))
    let errors = Pipe()
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
    try process.run()
    while process.isRunning, !folder.contents.contains(where: { $0.hasSuffix("-1") }) {
      usleep(500)
    }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    let rerun = try Command.run(
      arguments("out", ["--lease", "1"]), environment: Self.place(0, of: 2))
    #expect(rerun.status == 0, "\(rerun.errors)")
    #expect(rerun.errors.contains("8 done in "))
    #expect(try contents("out") == contents("alone"))
    // A picture whose output was removed is restored again, and no other.
    unlink(folder("out/3.png"))
    let later = try Command.run(arguments("out"), environment: Self.place(0, of: 1))
    #expect(later.status == 0 && later.outputLines.count == 1, "\(later.errors)")
    #expect(try contents("out") == contents("alone"))
  }

  @Test func failuresAreToldByRank0() throws {
    try folder.write(scene(8, 8), "in/a.png")
    _ = try folder.write("in/b.png", [1, 2, 3])
    try folder.write(scene(4, 4), "out/a.png")
    let first = try Command.run(arguments("out"), environment: Self.place(1, of: 2))
    #expect(first.status == 0, "failures are rank 0's to tell")
    #expect(first.errors.contains("out/a.png: exists already") && first.errors.contains("b.png"))
    #expect(first.errors.contains("rank 1: 2 of 2 done here"))
    // The next run tries them again.
    let second = try Command.run(
      arguments("out", ["--skip-existing", "--json"]), environment: Self.place(0, of: 2))
    #expect(second.status == 1 && second.outputLines.count == 2, "\(second.errors)")
    #expect(second.errors.contains("0 done, 1 skipped, 1 failed in "))
  }

  @Test func mistakes() throws {
    try folder.write(scene(8, 8), "in/a.png")
    for (options, text) in [
      ([folder("in/a.png")], "name a folder for the outputs"),
      ([folder("in"), "-o", folder("out"), "--overwrite"], "--overwrite is for one"),
      ([folder("in"), "-o", folder("out"), "--watch"], "--watch is for one"),
      ([folder("in"), "-o", folder("out"), "--lease", "0.5"], "--lease has to be 1 to 86400"),
    ] {
      let result = try Command.run(["upscale"] + options, environment: Self.place(0, of: 2))
      #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
    }
    let half = try Command.run(arguments("out"), environment: ["WORLD_SIZE": "2"])
    #expect(half.status == 1 && half.errors.contains("RANK is not set"), "\(half.errors)")
    let alone = try Command.run(arguments("out", ["--lease", "5"]))
    #expect(alone.status == 64 && alone.errors.contains("WORLD_SIZE is not set"))
    // What restores nothing is not shared.
    let dry = try Command.run(arguments("out", ["--dry-run"]), environment: Self.place(1, of: 2))
    #expect(dry.status == 0 && dry.outputLines.count == 1 && !folder.entries.contains("out"))
  }
}
