import Foundation
import Imaging
import TestSupport
import Testing

/// Names of one character, and such as look like something else, wherever a path may stand.
@Suite(.serialized, .ownThreads) struct OddNameTests {
  @Test func namesOfOneCharacter() throws {
    let folder = try ScratchFolder()
    try scene(16, 12).write(to: folder("a.png"))
    try FileManager.default.moveItem(atPath: folder("a.png"), toPath: folder("a"))
    try FileManager.default.copyItem(atPath: Command.model, toPath: folder("m"))
    try folder.write(scene(16, 12), "d/a.png")
    for arguments in [
      ["upscale", "a", "-o", "b", "--format", "png", "--model", "m"],
      ["upscale", "d", "-o", "e", "--format", "png", "--model", "m"],
      ["info", "m"], ["info", "m/"],
      ["compare", "a", "a", "-o", "c", "--overwrite"],
      ["evaluate", "--restored", "d", "--reference", "d", "-o", "r"],
    ] {
      let result = try Command.run(arguments, in: folder.path)
      #expect([0, 1].contains(result.status), "\(arguments): \(result.errors)")
    }
    #expect(folder.contents.contains("e/a.png"))
    #expect(folder.entries.contains("r"))
  }

  /// Whatever stands for a path, commands end with a line and a status of their own.
  @Test(arguments: ["", ".", "é", "-", "\n", "/\u{301}"])
  func whateverStandsForAPath(_ name: String) throws {
    let folder = try ScratchFolder()
    try scene(8, 8).write(to: folder("a.png"))
    for arguments in [
      ["upscale", name, "-o", "x", "--dry-run", "--model", Command.model],
      ["upscale", "a.png", "-o", name, "--dry-run", "--model", Command.model],
      ["info", name], ["compare", "a.png", "a.png", "-o", name],
      ["train", name, "--data", name, "--output", name],
      ["convert", name, "-o", name], ["evaluate", "--restored", name, "-o", name],
      ["benchmark", name, "-o", name], ["video", name, name + ".mp4"],
    ] {
      let result = try Command.run(arguments, in: folder.path)
      #expect([0, 1, 64].contains(result.status), "\(arguments): \(result.errors)")
      #expect(result.status == 0 || !result.errors.isEmpty, "\(arguments)")
    }
  }
}
