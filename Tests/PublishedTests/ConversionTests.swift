import Checkpoints
import Files
import Foundation
import ParityTestSupport
import TestSupport
import Testing
import Torch

@testable import NSARM
@testable import PublishedCheckpoints

@Suite(.ownThreads) struct ConversionTests {
  @Test func everyKeyIsAccountedFor() throws {
    let folder = try ScratchFolder()
    let plain = try PublishedFixtures.writePlain(in: folder)
    var weights = try PublishedFixtures.nsarm()
    weights.removeAll { $0.0.hasSuffix("ffn.fc2.bias") }
    let place = try #require(weights.firstIndex { $0.0 == "text_norm.weight" })
    weights[place].1 = .ones([3])
    let pole = try #require(weights.firstIndex { $0.0 == "head.bias" })
    weights[pole].1 = weights[pole].1.to(.int32)
    try PublishedFixtures.write(weights, to: folder("odd.pth"))
    let problems = try PublishedModel([folder("odd.pth")], plain.vae, in: folder).remainder.problems
    let expected =
      [
        "'text_norm.weight' has shape [3], expected [256]", "'head.bias' holds no real numbers",
      ]
      + (0..<4).map {
        "'block_chunks.\($0 / 2).module.\($0 % 2).ffn.fc2.bias' of shape [256] is missing"
      }
    #expect(Set(problems) == Set(expected.map { "\(folder("odd.pth")): \($0)" }))
  }

  @Test func filesThatAreSomethingElse() throws {
    let folder = try ScratchFolder()
    let plain = try PublishedFixtures.writePlain(in: folder)
    func problem(_ main: String, _ vae: String) -> String {
      message { _ = try PublishedModel([main], vae, in: folder) } ?? "accepted"
    }
    #expect(problem(plain.vae, plain.vae).contains("vae.pth: is not a transformer"))
    #expect(problem(plain.main, plain.main).contains("NSARM.pth: is not a tokenizer"))
    #expect(problem(folder("none"), plain.vae).contains("No such file"))
    #expect(problem(folder.path, plain.vae).contains("neither this file nor"))

    var wide = try PublishedFixtures.tokenizer()
    let place = try #require(wide.firstIndex { $0.0 == "encoder.conv_out.conv.weight" })
    wide[place].1 = .zeros([32, 128, 3, 3])
    try PublishedFixtures.write(wide, to: folder("wide.pth"))
    #expect(problem(plain.main, folder("wide.pth")).contains("do not belong together"))
    for key in ["word_embed.weight", "block_chunks.0.module.0.ffn.fc1.weight", "cfg_uncond"] {
      let rest = try PublishedFixtures.nsarm().filter { $0.0 != key }
      try PublishedFixtures.write(rest, to: folder("less.pth"))
      #expect(problem(folder("less.pth"), plain.vae).contains("lacks '\(key)'"))
    }
  }

  @Test func infinityStartsTraining() throws {
    let folder = try ScratchFolder()
    let plain = try PublishedFixtures.writePlain(in: folder)
    try PublishedFixtures.write(
      try PublishedFixtures.weights("infinity_small"), to: folder("infinity.pth"))
    let infinity = try PublishedModel([folder("infinity.pth")], plain.vae, in: folder)
    #expect(infinity.configuration.name == "infinity-4x256")
    #expect(infinity.configuration.transformationNetwork == nil)
    #expect(infinity.configuration.contextResize == .bilinear)
    try infinity.write(folder("model"), .bf16)
    let model = try ModelFolder(folder("model"))
    #expect(try model.load(.float32).transformationNetwork == nil)

    // Stage 1 adds the network to it.
    var configuration = model.configuration
    configuration.transformationNetwork = .convolutional(
      .init(channels: 16, blocks: 1, patch: 4, scales: [2, 4, 8]))
    let extended = try model.extended(configuration, seed: 1, policy: .float32)
    #expect(extended.transformationNetwork?.scaleCount == 3)
    #expect(extended.transformer != nil)

    // Stage 2 goes on with what is there.
    try PublishedModel([plain.main], plain.vae, in: folder).write(folder("whole"), .bf16)
    let whole = try ModelFolder(folder("whole"))
    let same = try whole.extended(whole.configuration, seed: 1, policy: .float32)
    same.store.prepareForTraining()
    #expect(same.transformationNetwork?.scaleCount == 7)
  }

  @Test(arguments: [WeightFormat.bf16, .int8, .int4])
  func formats(_ format: WeightFormat) throws {
    let folder = try ScratchFolder()
    let plain = try PublishedFixtures.writePlain(in: folder)
    let published = try PublishedModel([plain.main], plain.vae, in: folder)
    try published.write(folder("model"), format)
    let model = try ModelFolder(folder("model"))
    let source = QuantizedSource(try model.weights())
    let kinds = try Dictionary(
      grouping: published.weights,
      by: { weight in
        switch try source.storedWeight(weight.name) {
        case .full(let tensor): "\(tensor.dtype)"
        case .int8: "int8"
        case .int4: "int4"
        }
      })
    let blocks = published.weights.filter { $0.name.contains("block_") && $0.shape.count == 2 }
    if format != .bf16 {
      #expect(kinds["\(format)"]?.map(\.name) == blocks.map(\.name))
      #expect(blocks.count == 4 * 7)
    }
    for name in [
      "transformer.head.weight", "transformer.shared_ada_lin.1.weight",
      "transformer.head_nm.ada_lin.1.weight", "tokenizer.encoder.conv_in.conv.weight",
      "map_transformer.feature_extractor.1.weight",
    ] { #expect(kinds["float32"]!.contains { $0.name == name }, "\(name)") }
    #expect(kinds["bfloat16"]!.contains { $0.name == "tokenizer.decoder.conv_in.conv.weight" })
    #expect(kinds["bfloat16"]!.contains { $0.name == "transformer.word_embed.weight" })

    // The largest error of a weight, in units of the largest weight of its row.
    let bound = [WeightFormat.bf16: 1.0 / 256, .int8: 0.5 / 127, .int4: 0.35][format]!
    let loaded = try model.load(.float32)
    for weight in published.weights where weight.shape.count == 2 {
      let original = try weight.file.tensor(weight.key).to(.float32)
      let error = (loaded.store[weight.name]!.value - original).abs().max([1])
      let limit = original.abs().max([1]) * (bound * 1.001) + 1e-6
      #expect((error .<= limit).allTrue, "\(weight.name)")
    }
  }

  @Test func floatsOfEightBitsAreWidened() throws {
    let folder = try ScratchFolder()
    let plain = try PublishedFixtures.writePlain(in: folder)
    let narrow = try PublishedFixtures.nsarm().map { name, tensor in
      (name, tensor.rank == 2 ? tensor.to(.float8E4M3) : tensor)
    }
    try writeSafetensors(narrow, to: folder("narrow.safetensors"))
    let published = try PublishedModel([folder("narrow.safetensors")], plain.vae, in: folder)
    #expect(published.remainder.problems == [])
    for format in WeightFormat.allCases {
      try published.write(folder("\(format)"), format)
      let model = try ModelFolder(folder("\(format)")).load(.float32)
      let name = "word_embed.weight"
      let expected = try #require(narrow.first { $0.0 == name }).1.floats
      #expect(model.store["transformer." + name]!.value.floats == expected)
    }
  }

  @Test func valuesThatAreNotFiniteLeaveNothing() throws {
    let folder = try ScratchFolder()
    let plain = try PublishedFixtures.writePlain(in: folder)
    var weights = try PublishedFixtures.nsarm()
    weights[weights.count - 1].1 = weights[weights.count - 1].1 * Double.nan
    try PublishedFixtures.write(weights, to: folder("nan.pth"))
    let before = folder.entries
    let published = try PublishedModel([folder("nan.pth")], plain.vae, in: folder)
    let text = message { try published.write(folder("model"), .int8) }
    #expect(text?.contains("nan.pth: '") == true && text!.contains("not finite"), "\(text ?? "")")
    #expect(folder.entries == before)
  }
}
