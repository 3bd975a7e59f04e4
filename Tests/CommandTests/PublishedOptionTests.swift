import Foundation
import ModelTestSupport
import NSARM
import TestSupport
import Testing

/// The options of `nsarm upscale` for published models, and for looking into them.
@Suite(.ownThreads) struct PublishedOptionTests {
  private let folder = try! ScratchFolder()
  private let model: String

  init() throws {
    model = try TinyModel.write(TinyModel.textConfiguration, in: folder.path)
    try scene(24, 20).write(to: folder("a.png"))
  }

  private func upscale(_ options: [String], model: String? = nil) throws -> Command.Result {
    try Command.run(
      ["upscale", folder("a.png"), "--model", model ?? self.model, "--threads", "1", "--overwrite"]
        + ["-o", folder("out.png")] + options)
  }

  private func picture(_ options: [String]) throws -> Data {
    let result = try upscale(options)
    #expect(result.status == 0, "\(options): \(result.errors)")
    return try Data(contentsOf: URL(fileURLWithPath: folder("out.png")))
  }

  @Test func contextsAreResizedAsAsked() throws {
    let own = try picture([])
    #expect(try picture(["--context-resize", "bilinear"]) == own)
    #expect(try picture(["--context-resize", "area"]) != own)
    #expect(try upscale(["--context-resize", "nearest"]).status == 64)
  }

  @Test func thePublishedScriptsWay() throws {
    let own = try picture(["--color", "both", "--precision", "float32"])
    let published = try picture(["--as-published", "--precision", "float32"])
    #expect(published != own)
    // Its sampling, whatever the model recommends, and its contexts.
    let close = try picture(
      [
        "--temperature", "0.5", "--context-resize", "area", "--color", "both", "--precision",
        "float32",
      ])
    #expect(published != close)  // 8 bits between the steps
    #expect(try upscale(["--as-published", "--temperature", "1"]).status == 64)
    let other = try upscale(["--as-published"], model: Command.model)
    #expect(other.status != 0 && other.errors.contains("--as-published is for"))
  }

  @Test func dumpsHoldWhatTheNetworksMade() throws {
    let file = folder("dump.safetensors")
    let plain = try picture(["--seed", "7"])
    #expect(try picture(["--seed", "7", "--dump", file]) == plain)
    let dump = try Fixture(name: "dump", contentsOf: URL(fileURLWithPath: file))
    let schedule = TinyModel.textConfiguration.scaleSchedule
    let (channels, bits) = (schedule.latents.count, TinyModel.textConfiguration.tokenBits)
    #expect(dump.names.filter { $0.hasPrefix("bits.") }.count == channels)
    for k in 0..<channels {
      let (latent, tokens) = (schedule.latents[k], schedule.tokens[k].count)
      #expect(dump["bits.\(k)"].shape.suffix(2) == [latent.height, latent.width])
      #expect(dump["logits.\(k)"].shape == [1, tokens, 2 * bits])
      #expect(dump["bits.\(k)"].bytes.allSatisfy { $0 <= 1 })
    }
    #expect(dump.names.contains("prefix.0") && dump.names.contains("sum"))

    try scene(20, 24).write(to: folder("b.png"))
    #expect(try upscale([folder("b.png"), "--dump", file]).status == 64)
    let lost = try upscale(["--dump", folder("nowhere/dump.safetensors")])
    #expect(lost.status == 1 && lost.errors.contains("nowhere"))
    // Nothing else is ever replaced by a dump.
    let names = ["out.png", "a.png", "tiny/model.safetensors"]
    let before = try names.map { try Data(contentsOf: URL(fileURLWithPath: folder($0))) }
    #expect(try upscale(["--dump", folder("a.png")]).status == 64)
    #expect(try upscale(["--dump", folder("tiny/model.safetensors")]).status == 1)
    let link = folder("link.safetensors")
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: folder("out.png"))
    let same = try upscale(["--dump", link])
    #expect(same.status == 1 && same.errors.contains("the picture's own file"))
    #expect(try names.map { try Data(contentsOf: URL(fileURLWithPath: folder($0))) } == before)
    #expect(try picture(["--seed", "7", "--dump", file]) == plain)  // a dump by a dump

    let twice = try Command.run(
      ["upscale", folder("a.png"), "--model", model, "--dump", file, "-o", folder("new.png")])
    #expect(twice.status == 1 && twice.errors.contains("exists already"))
    let codeless = try upscale(["--dump", file], model: Command.shippedModel)
    #expect(codeless.status != 0 && codeless.errors.contains("draws none"))
  }
}
