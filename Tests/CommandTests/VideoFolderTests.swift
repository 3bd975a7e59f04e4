import Foundation
import TestSupport
import Testing

/// `nsarm video` on folders, alone and by several processes.
@Suite(.serialized, .ownThreads) struct VideoFolderTests {
  private static let hasFFmpeg =
    (try? Command.shell("command -v ffmpeg && command -v ffprobe").status) == 0
  private let folder = try! ScratchFolder()
  private static let names = ["a.mp4", "b.mp4", "c.mp4"]

  private func arguments(_ output: String, _ options: [String] = []) -> [String] {
    [
      "video", folder("in"), folder(output), "--model", Command.model, "--threads", "1",
      "--preset", "ultrafast",
    ] + options
  }

  private func place(_ rank: Int) -> [String: String] {
    [
      "RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500",
    ]
  }

  private func contents(_ output: String) throws -> [Data] {
    try Self.names.map { try Data(contentsOf: URL(fileURLWithPath: folder("\(output)/\($0)"))) }
  }

  private func clips() throws {
    let result = try Command.shell(
      "mkdir in && for n in a b c; do ffmpeg -v error -f lavfi -i testsrc2=size=32x24:rate=25 "
        + "-frames:v 3 -c:v libx264 -pix_fmt yuv420p in/$n.mp4; done && echo text > in/notes.txt",
      in: folder.path)
    try #require(result.status == 0, "\(result.errors)")
  }

  @Test(.enabled(if: hasFFmpeg, "ffmpeg is not installed")) func eachVideoIsRestoredOnce()
    async throws
  {
    try clips()
    let alone = try Command.run(arguments("alone"))
    #expect(alone.status == 0 && alone.outputLines.count == 3, "\(alone.errors)")
    #expect(alone.errors.contains("3 done in "))
    let results = try await withThrowingTaskGroup(of: (Int, Command.Result).self) { group in
      for rank in 0..<2 {
        group.addTask { (rank, try Command.run(arguments("out"), environment: place(rank))) }
      }
      return try await group.reduce(into: [Int: Command.Result]()) { $0[$1.0] = $1.1 }
    }
    #expect(results.values.allSatisfy { $0.status == 0 }, "\(results.mapValues(\.errors))")
    let lines = results.values.flatMap(\.outputLines).map { $0.prefix { $0 != ":" } }
    #expect(lines.sorted() == Self.names.map { Substring(folder("out/\($0)")) })
    #expect(results[0]?.errors.contains("3 done in ") == true)
    #expect(try contents("out") == contents("alone"))
    let left = folder.contents.filter { $0.contains(".partial") }
    #expect(left == [], "no unfinished work is left")
    let again = try Command.run(arguments("alone", ["--skip-existing"]))
    #expect(again.status == 0 && again.errors.contains("0 done, 3 skipped in "))
    let refused = try Command.run(arguments("alone"))
    #expect(refused.status == 1 && refused.errors.contains("0 done, 3 failed in "))
    #expect(refused.errors.contains("alone/a.mp4: exists already"))
  }

  @Test(.enabled(if: hasFFmpeg, "ffmpeg is not installed")) func mistakes() throws {
    try clips()
    mkdir(folder("empty"), 0o755)
    _ = try folder.write("file", [1])
    for (arguments, text) in [
      ([folder("empty"), folder("out")], "empty: no videos found"),
      ([folder("in"), folder("file")], "file is a file"),
      ([folder("in"), folder("in")], "need another folder"),
      (["a.mp4", "b.mp4", "--skip-existing"], "--skip-existing is for a folder"),
    ] {
      let result = try Command.run(["video"] + arguments)
      #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
    }
    let single = try Command.run(
      ["video", folder("in/a.mp4"), folder("b.mp4")], environment: place(0))
    #expect(single.status == 64 && single.errors.contains("name folders of videos"))
    let overwriting = try Command.run(arguments("out", ["--overwrite"]), environment: place(0))
    #expect(overwriting.status == 64 && overwriting.errors.contains("--overwrite is for one"))
  }
}
