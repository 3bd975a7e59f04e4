import Foundation
import Imaging
import ParityTestSupport
import TestSupport
import Testing
import Torch
import TorchSaveSupport

/// Networks of Real-ESRGAN's kind, from the published file to the picture.
@Suite(.ownThreads) struct NetworkCommandTests {
  private let scratch = try! ScratchFolder()

  /// Writes the fixture's network as it is published, its weights multiplied by `factor`.
  private func write(_ network: String, _ name: String, factor: Double = 1) throws {
    let source = FixtureSource(try Fixture.load("real_esrgan_small"), prefix: network + ".")
    try TorchSaveFile.write(
      .dictionary([
        (
          "params_ema",
          .tensors(
            try source.names.map { ($0, TorchSaveTensor(try source.tensor($0) * factor)) })
        )
      ]), to: scratch(name))
  }

  @Test func convertedAndRestored() throws {
    try write("compact", "general.pth")
    try write("compact", "wdn.pth", factor: 0.9)
    try write("rrdb", "plus.pth")
    let other = try Command.run(
      ["convert", scratch("general.pth"), "--twin", scratch("plus.pth"), "-o", scratch("m")])
    #expect(other.status == 1 && other.errors.contains("plus.pth: is no twin"))
    let result = try Command.run(
      ["convert", scratch("general.pth"), "--twin", scratch("wdn.pth"), "-o", scratch("Models/g")])
    #expect(result.status == 0, "\(result.errors)")
    for part in [
      "general (", "trunk of 4 convolutions of 12 channels", "--strength, by the twin",
      "twin/model.safetensors",
    ] { #expect(result.output.contains(part), "\(result.output)") }
    let plain = try Command.run(["convert", scratch("plus.pth"), "-o", scratch("Models/plus")])
    #expect(plain.status == 0, "\(plain.errors)")

    try scene(37, 20).write(to: scratch("a.png"))
    func restore(_ arguments: String...) throws -> Command.Result {
      try Command.run(
        ["upscale", "a.png", "-o", "b.png", "--overwrite", "--threads", "1"] + arguments,
        in: scratch.path)
    }
    let full = try restore("--model", "g")
    #expect(full.status == 0, "\(full.errors)")
    let strong = try ImageFile.read(scratch("b.png"))
    #expect(strong.width == 148 && strong.height == 80)
    #expect(try restore("--model", "g", "--strength", "0.25").status == 0)
    #expect(try ImageFile.read(scratch("b.png")) != strong)
    let noDial = try restore("--model", "plus", "--strength", "0.5")
    #expect(noDial.status == 1 && noDial.errors.contains("has no dial"))
    #expect(try restore("--model", "g", "--strength", "1.5").errors.contains("0 to 1"))
    #expect(try restore("--model", "plus").status == 0)
    let unknown = try restore("--model", "none")
    #expect(unknown.status == 1 && unknown.errors.contains("nsarm models"))

    let info = try Command.run(["info", scratch("Models/g")])
    #expect(info.output.contains("no code") && info.output.contains("--strength 0 to 1"))
  }

  @Test func modelsAreListed() throws {
    try write("compact", "general.pth")
    let folder = scratch("Models/mine")
    #expect(try Command.run(["convert", scratch("general.pth"), "-o", folder]).status == 0)
    try Data("# mine\n\nFor tests\nonly.\n\n| licence | none |\n".utf8).write(
      to: URL(fileURLWithPath: folder + "/README.md"))
    try FileManager.default.createDirectory(
      atPath: scratch("Models/damaged"), withIntermediateDirectories: true)
    _ = try scratch.write("Models/damaged/config.json", [123])
    let cache = ["XDG_CACHE_HOME": scratch("cache")]
    let list = try Command.run(["models", "--threads", "1"], in: scratch.path, environment: cache)
    #expect(list.status == 0, "\(list.errors)")
    for part in ["mine\n", "For tests only.", "a megapixel here", "none", folder] {
      #expect(list.output.contains(part), "\(list.output)")
    }
    #expect(!list.output.contains("damaged"))
    let lines = try Command.run(
      ["models", "--json", "--threads", "1"], in: scratch.path, environment: cache
    ).outputLines.map { try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any] }
    let mine = try #require(lines.first { $0["name"] as? String == "mine" })
    #expect(mine["has_dial"] as? Bool == false && mine["seconds_per_megapixel"] is Double)
  }
}
