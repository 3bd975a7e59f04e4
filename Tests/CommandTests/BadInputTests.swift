import Checkpoints
import Foundation
import Imaging
import ModelTestSupport
import NSARM
import TestSupport
import Testing
import Torch

/// Every bad input: one clear line, an exit status that tells, nothing half-written. One after the
/// other, since every test runs processes that compute with all cores themselves.
@Suite(.serialized, .ownThreads) struct BadInputTests {
  /// Runs the command on `input` and expects one line that contains `words`, and no new file.
  private func refuse(
    _ folder: ScratchFolder, _ arguments: [String], status: Int32 = 1, words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = folder.contents
    let result = try Command.run(
      ["upscale", "--model", Command.model] + arguments, obeysPermissions: true)
    #expect(result.status == status, "\(result.errors)", sourceLocation: sourceLocation)
    if status == 1 {
      #expect(result.errorLines.count == 1, "\(result.errors)", sourceLocation: sourceLocation)
    }
    for word in words {
      #expect(result.errors.contains(word), "\(result.errors)", sourceLocation: sourceLocation)
    }
    #expect(result.output == "", sourceLocation: sourceLocation)
    #expect(folder.contents == before, sourceLocation: sourceLocation)
  }

  @Test func damagedFiles() throws {
    let folder = try ScratchFolder()
    try scene(200, 150).write(to: folder("whole.jpg"))
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("whole.jpg"))))
    _ = try folder.write("half.jpg", bytes[..<(bytes.count / 2)])
    _ = try folder.write("empty.png", [])
    _ = try folder.write("text.png", "This is a letter, not a picture.\n".utf8)
    try refuse(folder, [folder("half.jpg")], words: "half.jpg", "damaged or truncated")
    try refuse(folder, [folder("empty.png")], words: "empty.png", "empty")
    try refuse(folder, [folder("text.png")], words: "text.png", "not a picture")
    try refuse(folder, [folder("none.png")], words: "none.png", "no such file")
  }

  @Test func picturesThatDoNotFitTheFormat() throws {
    let folder = try ScratchFolder()
    try scene(50_000, 2).write(to: folder("wide.jpg"))
    try refuse(folder, [folder("wide.jpg")], words: "65500 pixels a side", "PNG")
    try scene(8, 8, channels: 4).write(to: folder("clear.png"))
    try refuse(
      folder, [folder("clear.png"), "--format", "jpeg"], words: "transparency")
    try refuse(
      folder, [folder("clear.png"), "-o", folder("x.png"), "--format", "jpeg"], status: 64)
  }

  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["NSARM_SLOW_TESTS"] != nil,
      "a minute; set NSARM_SLOW_TESTS"))
  func fiftyThousandPixelsWide() throws {
    let folder = try ScratchFolder()
    try scene(50_000, 8).write(to: folder("wide.png"))
    let result = try Command.upscale(folder("wide.png"))
    #expect(result.status == 0, "\(result.errors)")
    let output = try ImageFile.open(
      folder("wide_x4.png"), options: ReadOptions(maximumDimension: 200_000))
    #expect((output.width, output.height) == (200_000, 32))
  }

  @Test func unwritablePaths() throws {
    let folder = try ScratchFolder()
    try scene(8, 8).write(to: folder("a.png"))
    try refuse(
      folder, [folder("a.png"), "-o", folder("a.png/b/c.png")], words: "a.png/b", "cannot")
    try refuse(folder, [folder("a.png"), "-o", "/proc/none/b.png"], words: "/proc/none", "cannot")
    try refuse(folder, [folder("a.png"), "-o", folder("a.png")], words: "a.png")
  }

  @Test func forbiddenPaths() throws {
    let folder = try ScratchFolder()
    try scene(8, 8).write(to: folder("a.png"))
    try scene(8, 8).write(to: folder("secret.png"))
    chmod(folder("secret.png"), 0)
    mkdir(folder("closed"), 0o500)
    try refuse(folder, [folder("secret.png")], words: "secret.png", "permission")
    try refuse(
      folder, [folder("a.png"), "-o", folder("closed/b.png")], words: "closed/b.png", "ermission")
  }

  @Test(.enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.missing)))
  func fullDisk() throws {
    let folder = try ScratchFolder()
    let disk = try SmallDisk(kilobytes: 64)
    var random = SystemRandomNumberGenerator()
    let noise = (0..<120 * 120 * 3).map { _ in UInt8.random(in: 0...255, using: &random) }
    try Image(width: 120, height: 120, channels: 3, samples: .u8(noise)).write(to: folder("a.png"))
    try refuse(
      folder, [folder("a.png"), "-o", disk("b.png")], words: disk("b.png"), "disk is full")
    #expect(disk.entries == [])
    try refuse(
      folder, [folder("a.png"), "--color", "adain", "-o", disk("b.png")], words: "disk is full")
    #expect(disk.entries == [])
  }

  @Test(arguments: [
    ["--sharpness", "3"], ["--scale", "9"], ["--scale", "0.5"], ["--quality", "0"],
    ["--threads", "0"], ["--temperature", "-1"], ["--color", "red"], ["--format", "docx"],
    ["--tile", "x"], ["--seed", "-1"],
  ])
  func unknownOptionsAndValues(_ arguments: [String]) throws {
    let folder = try ScratchFolder()
    try scene(8, 8).write(to: folder("a.png"))
    try refuse(folder, [folder("a.png")] + arguments, status: 64, words: arguments[0])
  }

  @Test func usage() throws {
    #expect(try Command.run(["upscale"]).status == 64)
    #expect(try Command.run(["enlarge"]).status == 64)
    let help = try Command.run(["upscale", "--help"])
    #expect(help.status == 0 && help.output.contains("--temperature"))
  }

  @Test func missingDevices() throws {
    let folder = try ScratchFolder()
    try scene(8, 8).write(to: folder("a.png"))
    try refuse(folder, [folder("a.png"), "--device", "tpu"], words: "tpu", "cpu")
  }

  // MARK: Checkpoints

  /// A copy of the tiny model with other tensors.
  private func changed(
    _ folder: ScratchFolder, _ name: String,
    _ change: (inout [(String, Tensor)]) -> Void
  ) throws -> String {
    let file = try SafetensorsFile(Command.model + "/model.safetensors")
    var tensors = try file.names.map { ($0, try file.tensor($0)) }
    change(&tensors)
    mkdir(folder(name), 0o700)
    try writeSafetensors(tensors, to: folder("\(name)/model.safetensors"))
    try FileManager.default.copyItem(
      atPath: Command.model + "/config.json", toPath: folder("\(name)/config.json"))
    return folder(name)
  }

  @Test func wrongCheckpoints() throws {
    let folder = try ScratchFolder()
    try scene(8, 8).write(to: folder("a.png"))
    let name = "transformer.blocks.1.ffn.fc1.weight"

    let missing = try changed(folder, "missing") { $0.removeAll { $0.0 == name } }
    try refuse(folder, [folder("a.png"), "--model", missing], words: "'\(name)' is missing")

    let misshapen = try changed(folder, "misshapen") { tensors in
      let i = tensors.firstIndex { $0.0 == name }!
      tensors[i].1 = .zeros([3, 5], .bfloat16)
    }
    try refuse(
      folder, [folder("a.png"), "--model", misshapen], words: name, "[3, 5]", "expected [256, 64]")

    let foreign = try changed(folder, "foreign") { $0.append(("unet.weight", .zeros([2]))) }
    try refuse(folder, [folder("a.png"), "--model", foreign], words: "'unet.weight'")

    let poisoned = try changed(folder, "poisoned") { tensors in
      let i = tensors.firstIndex { $0.0 == name }!
      tensors[i].1 = .full(tensors[i].1.shape, .nan, .bfloat16)
    }
    try refuse(folder, [folder("a.png"), "--model", poisoned], words: name, "not finite")
  }

  @Test func damagedCheckpoints() throws {
    let folder = try ScratchFolder()
    try scene(8, 8).write(to: folder("a.png"))
    let whole = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: Command.model + "/model.safetensors")))
    for (name, count) in [("half", whole.count / 2), ("short", whole.count - 1), ("stub", 5)] {
      mkdir(folder(name), 0o700)
      try FileManager.default.copyItem(
        atPath: Command.model + "/config.json", toPath: folder("\(name)/config.json"))
      _ = try folder.write("\(name)/model.safetensors", whole[..<count])
      try refuse(
        folder, [folder("a.png"), "--model", folder(name)], words: "\(name)/model.safetensors")
    }
    mkdir(folder("bare"), 0o700)
    try refuse(folder, [folder("a.png"), "--model", folder("bare")], words: "config.json")
    _ = try folder.write("bare/config.json", "{\"name\": 3".utf8)
    try refuse(folder, [folder("a.png"), "--model", folder("bare")], words: "bare/config.json")
    try refuse(folder, [folder("a.png"), "--model", folder("a.png")], words: "a.png")
    #expect(try Command.run(["info", folder("half")]).status == 1)
  }
}
