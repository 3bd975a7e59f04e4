import Checkpoints
import Files
import Foundation
import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM
@testable import PublishedCheckpoints
@testable import SuperResolution

/// Networks of Real-ESRGAN's shapes with random weights; their pictures were computed by others.
@Suite(.ownThreads) struct NetworkTests {
  private let folder = try! ScratchFolder()
  private let fixture = try! Fixture.load("real_esrgan_small")

  private func weights(_ network: String) throws -> [(String, Tensor)] {
    let source = FixtureSource(fixture, prefix: network + ".")
    return try source.names.map { ($0, try source.tensor($0)) }
  }

  /// Converts a state dict that lies in the file as `groups` say.
  private func converted(
    _ tensors: [(String, Tensor)], under groups: [String] = ["params_ema"]
  ) throws -> PublishedModel {
    try PublishedFixtures.write(tensors, to: folder("network.pth"), under: groups)
    return try PublishedModel(
      network: try CheckpointFiles([folder("network.pth")]).open(),
      name: "network")
  }

  @Test(arguments: ["rrdb", "compact"], [["params_ema"], ["params"], []])
  func picturesAreTheReference(_ network: String, _ groups: [String]) throws {
    let published = try converted(try weights(network), under: groups)
    #expect(published.remainder.problems.isEmpty)
    #expect(published.configuration.scale == 4)
    try published.write(folder("model"), .none)
    let model = try ModelFolder(folder("model"))
    #expect(model.configuration == published.configuration)
    let resolver = try SuperResolver(model.load(.float32))
    let picture = try resolver.upscaled(fixture.tensor("picture") * 2 - 1)
    let expected = (fixture.tensor("\(network)_picture") * 2 - 1).clamped(min: -1, max: 1)
    #expect((picture - expected).abs().max().item < 2e-5)
  }

  @Test func whatIsNoNetwork() throws {
    func problem(_ change: (inout [(String, Tensor)]) -> Void) throws -> String {
      var tensors = try weights("rrdb")
      change(&tensors)
      return message { _ = try converted(tensors) } ?? "accepted"
    }
    let pixelUnshuffled = try problem { tensors in
      let place = tensors.firstIndex { $0.0 == "conv_first.weight" }!
      tensors[place].1 = .zeros([12, 12, 3, 3])
    }
    #expect(pixelUnshuffled.contains("network.pth: holds an RRDBNet that reads 12 channels, not 3"))
    #expect(pixelUnshuffled.contains("realesr-general-x4v3"))
    let old = try problem { $0 = [("model.0.weight", .zeros([64, 3, 3, 3]))] }
    #expect(
      old.contains("no network that is known here") && old.contains("'params_ema.model.0.weight'"))
    let compact = try weights("compact")
    let odd = try problem { $0 = compact.filter { !$0.0.hasPrefix("body.6.") } }
    #expect(odd.contains("6 layers"))
    let gap = try problem { $0 = compact.filter { !$0.0.hasPrefix("body.5.") } }
    #expect(gap.contains("has 'params_ema.body.6' but not 'params_ema.body.5'"))
  }

  @Test func everyKeyIsAccountedFor() throws {
    var tensors = try weights("rrdb")
    tensors.removeAll { $0.0 == "body.1.rdb2.conv3.bias" }
    tensors.append(("extra", .zeros([2])))
    let place = try #require(tensors.firstIndex { $0.0 == "conv_up2.weight" })
    tensors[place].1 = .zeros([5, 12, 3, 3])
    let problems = try converted(tensors).remainder.problems
    #expect(
      Set(problems.map { $0.replacing(folder("network.pth") + ": ", with: "") }) == [
        "'params_ema.body.1.rdb2.conv3.bias' of shape [6] is missing",
        "'params_ema.extra' is not part of the model",
        "'params_ema.conv_up2.weight' has shape [5, 12, 3, 3], expected [12, 12, 3, 3]",
      ])
  }

  /// Weights lie between the model's and its twin's as far as the strength says.
  @Test func strengthGoesFromTheTwinToTheModel() throws {
    let published = try converted(try weights("compact"))
    try published.write(folder("model"), .none)
    let model = try ModelFolder(folder("model"))
    #expect(message { _ = try model.load(strength: 0.5) }!.contains("has no dial"))
    let twin = try converted(try weights("compact").map { ($0.0, $0.1 * 0.5) })
    try twin.write(folder("model/twin"), .none)
    func weight(_ strength: Double) throws -> [Float] {
      let loaded = try model.load(.float32, strength: strength)
      return loaded.store["network.body.1.weight"]!.value.floats
    }
    let (weak, middle, full) = (try weight(0), try weight(0.25), try weight(1))
    #expect(full == fixture.tensor("compact.body.4.weight").floats)
    for ((w, m), f) in zip(zip(weak, middle), full) {
      #expect(w == f / 2 && abs(m - 0.625 * f) < 1e-6)
    }
    let narrow = try weights("compact").filter { $0.0 != "body.4.bias" }
    try writeSafetensors(
      narrow.map { ("network.\($0.0)", $0.1) }, to: folder("model/twin/model.safetensors"))
    #expect(message { _ = try model.load(strength: 0.5) }!.contains("which its twin has"))
  }
}
