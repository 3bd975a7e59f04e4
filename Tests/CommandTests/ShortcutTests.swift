import Foundation
import Imaging
import TestSupport
import Testing

/// `nsarm upscale` within a limit of memory and with shortcuts.
@Suite(.ownThreads) struct ShortcutTests {
  private let folder = try! ScratchFolder()
  private func scratch(_ name: String) -> String { folder(name) }

  private func upscaled(_ output: String, _ options: [String]) throws -> Command.Result {
    try Command.run(
      [
        "upscale", "--model", Command.model, "--threads", "1", scratch("a.png"), "-o",
        scratch(output),
      ]
        + options)
  }

  @Test func sizesAndSharesAreChecked() throws {
    try scene(24, 20).write(to: scratch("a.png"))
    for (options, message) in [
      (["--max-memory", "much"], "--max-memory"), (["--max-memory", "-3G"], "--max-memory"),
      (["--max-memory", "1M"], "may be used"), (["--scales", "-1"], "scales"),
      (["--scales", "99"], "scales"), (["--prune", "0.3,x"], "--prune"),
      (["--prune", "1.5"], "--prune"), (["--prune", "0.1,0.1,0.1,0.1,0.1,0.1,0.1"], "pruning"),
      (["--one-pass", "--prune", "0.5"], "onePass"),
    ] {
      let result = try upscaled("b.png", options)
      #expect(result.status != 0 && result.errors.contains(message), "\(options): \(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: scratch("b.png")))
    }
  }

  @Test func shortcutsRestorePictures() throws {
    try scene(24, 20).write(to: scratch("a.png"))
    for (index, options) in [
      ["--scales", "3"], ["--scales", "0"], ["--prune", "0.3,0.5"], ["--one-pass"],
      ["--max-memory", "1.5GB"],
    ].enumerated() {
      let result = try upscaled("\(index).png", options)
      #expect(result.status == 0, "\(options): \(result.errors)")
      #expect(FileManager.default.fileExists(atPath: scratch("\(index).png")))
    }
  }
}
