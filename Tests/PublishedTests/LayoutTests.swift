import Checkpoints
import Foundation
import ParityTestSupport
import TestSupport
import Testing
import Torch
import TorchSaveSupport

@testable import NSARM
@testable import PublishedCheckpoints

/// Every layout in which checkpoints are published becomes the same model, which computes what the
/// reference does.
@Suite struct LayoutTests {
  @Test func aConvertedModelReproducesTheReference() throws {
    let folder = try ScratchFolder()
    let files = try PublishedFixtures.writePlain(in: folder)
    let published = try PublishedModel([files.main], files.vae, in: folder)
    #expect(published.remainder.problems == [])
    try published.write(folder("model"), .none, limit: 4_000_000)
    #expect(folder.contents.contains("model/model.safetensors.index.json"))

    let fixture = try Fixture.load("infinity_small")
    let report = ParityReport("infinity_small", part: "converted")
    let model = try ModelFolder(folder("model")).load(.float32)
    try GenerationComparison().run(model, fixture, report)
    report.finish()
    #expect(report.failures.isEmpty, "\(report.failures)")
  }

  @Test func theConfigurationIsReadFromShapes() throws {
    let folder = try ScratchFolder()
    let files = try PublishedFixtures.writePlain(in: folder)
    let configuration = try PublishedModel([files.main], files.vae, in: folder).configuration
    #expect(configuration.name == "nsarm-4x256")
    #expect(configuration.tokenizer == AutoencoderConfiguration(try Fixture.load("vae_small")))
    var transformer = TransformerConfiguration(try Fixture.load("infinity_small"))
    transformer.text?.maximumLength = 512  // as the published class makes it
    #expect(configuration.transformer == transformer)
    #expect(
      configuration.transformationNetwork == .published(.init(try Fixture.load("map8b_small"))))
    #expect(configuration.patch == 2 && configuration.scale == 4)
    #expect(configuration.contextResize == .area)
    #expect(
      configuration.schedule.map(\.height) == [1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64])
    #expect(configuration.rotaryReference == GridSize(64, 64))
  }

  /// Writes the fixtures' transformer in a layout; returns the paths to name.
  private func write(_ layout: String, in folder: ScratchFolder) throws -> [String] {
    let weights = try PublishedFixtures.nsarm()
    let half = weights.count / 2
    let shards = [("a", Array(weights[..<half])), ("b", Array(weights[half...]))]
    try FileManager.default.createDirectory(
      atPath: folder("main"), withIntermediateDirectories: false)
    switch layout {
    case "training":
      let moments = TorchSaveValue.tensors([("exp_avg", TorchSaveTensor(.zeros([3])))])
      try PublishedFixtures.write(
        weights, to: folder("main/ckpt.pth"), under: ["trainer", "gpt_fsdp"],
        beside: [("gpt_opt", moments), ("git", .text("dirty"))])
      return [folder("main/ckpt.pth")]
    case "dictionaries in parts":
      for (index, shard) in shards.enumerated() {
        try PublishedFixtures.write(shard.1, to: folder("main/NSARM_part_\(index).pth"))
      }
      return [folder("main")]
    case "bytes in parts":
      try PublishedFixtures.write(weights, to: folder("whole.pth"))
      let data = try Data(contentsOf: URL(fileURLWithPath: folder("whole.pth")))
      let step = data.count / 11
      for index in 0..<11 {
        let piece = data[(index * step)..<(index == 10 ? data.count : (index + 1) * step)]
        _ = try folder.write("main/NSARM_part_\(index)", Array(piece))
      }
      // As a shell sorts names: 0, 1, 10, 2, ...
      return (0..<11).map { folder("main/NSARM_part_\($0)") }.sorted()
    case "safetensors":
      try writeSafetensors(weights, to: folder("main/model.safetensors"))
      return [folder("main")]
    case "safetensors with an index", "pytorch_model.bin with an index":
      let isSafe = layout.hasPrefix("safetensors")
      var lines: [String] = []
      for (name, tensors) in shards {
        let file = isSafe ? "\(name).safetensors" : "\(name).bin"
        if isSafe {
          try writeSafetensors(tensors, to: folder("main/\(file)"))
        } else {
          try PublishedFixtures.write(tensors, to: folder("main/\(file)"))
        }
        lines += tensors.map { "\"\($0.0)\": \"\(file)\"" }
      }
      let index =
        "{\"metadata\": {\"total_size\": 1e9}, \"weight_map\": {\(lines.joined(separator: ","))}}"
      let list = isSafe ? "model.safetensors.index.json" : "pytorch_model.bin.index.json"
      _ = try folder.write("main/\(list)", Array(index.utf8))
      return [folder("main")]
    default: fatalError(layout)
    }
  }

  @Test(arguments: [
    "training", "dictionaries in parts", "bytes in parts", "safetensors",
    "safetensors with an index", "pytorch_model.bin with an index",
  ])
  func layouts(_ layout: String) throws {
    let folder = try ScratchFolder()
    let plain = try PublishedFixtures.writePlain(in: folder)
    let expected = try PublishedModel([plain.main], plain.vae, in: folder)
    let paths = try write(layout, in: folder)
    let found = try PublishedModel(paths, plain.vae, in: folder)
    #expect(found.remainder.problems == [])
    #expect(found.configuration == expected.configuration)
    try check(found, expected)
    let others = found.remainder.dropped.filter { !isBuffer($0) }
    #expect(others == (layout == "training" ? ["trainer.gpt_opt: 1 tensors"] : []))
  }

  @Test(arguments: ["flat", "ema", "without the last level of names"])
  func tokenizers(_ layout: String) throws {
    let folder = try ScratchFolder()
    let plain = try PublishedFixtures.writePlain(in: folder)
    let expected = try PublishedModel([plain.main], plain.vae, in: folder)
    var weights = try PublishedFixtures.tokenizer()
    if layout.hasPrefix("without") {
      weights = weights.map { name, tensor in
        var parts = name.split(separator: ".")
        if ["conv", "norm"].contains(parts[parts.count - 2]) { parts.remove(at: parts.count - 2) }
        return (parts.joined(separator: "."), tensor)
      }
      #expect(weights.contains { $0.0 == "encoder.down.0.downsample.conv.weight" })
    }
    try PublishedFixtures.write(
      weights, to: folder("other.pth"), under: layout == "ema" ? ["ema"] : [])
    let found = try PublishedModel([plain.main], folder("other.pth"), in: folder)
    #expect(found.remainder.problems == [])
    try check(found, expected)
  }

  /// Both models have the same weights.
  private func check(_ found: PublishedModel, _ expected: PublishedModel) throws {
    #expect(found.weights.map(\.name) == expected.weights.map(\.name))
    for (a, b) in zip(found.weights, expected.weights) {
      #expect(bytes(try a.file.tensor(a.key)) == bytes(try b.file.tensor(b.key)), "\(a.name)")
    }
  }
}
