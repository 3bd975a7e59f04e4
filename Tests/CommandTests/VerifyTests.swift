import Checkpoints
import Foundation
import NSARM
import ParityTestSupport
import PublishedCheckpoints
import TestSupport
import Testing
import Torch
import TorchSaveSupport

/// `nsarm verify` of folders and checkpoints of the fixtures.
@Suite(.ownThreads) struct VerifyTests {
  private let scratch = try! ScratchFolder()

  private func weights(_ name: String, prefix: String = "") throws -> [(String, TorchSaveTensor)] {
    let source = FixtureSource(try Fixture.load(name))
    return try source.names.map { (prefix + $0, TorchSaveTensor(try source.tensor($0))) }
  }

  /// Writes the checkpoints and converts them.
  private func convert(_ options: [String] = []) throws {
    let main = try weights("infinity_small") + weights("map8b_small", prefix: "map_transformer.")
    try TorchSaveFile.write(.tensors(main), to: scratch("NSARM.pth"))
    try TorchSaveFile.write(
      .dictionary([("vae", .tensors(try weights("vae_small")))]), to: scratch("vae.pth"))
    let result = try Command.run(
      ["convert", scratch("NSARM.pth"), "--vae", scratch("vae.pth"), "-o", scratch("model")]
        + options)
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
  }

  private func verify(_ paths: String...) throws -> Command.Result {
    try Command.run(["verify"] + paths.map { scratch($0) })
  }

  /// Expects that a difference is found, and nothing else said on standard error.
  private func expect(_ difference: String, _ paths: String...) throws {
    let result = try Command.run(["verify"] + paths.map { scratch($0) })
    #expect(result.status == 1 && result.errorLines.count == 1, "\(result.output)")
    #expect(result.errors.contains(difference), "\(result.errors)")
    #expect(result.outputLines.last?.hasPrefix("as ") != true)
  }

  @Test(arguments: [[], ["--quantize", "int8"]])
  func copiesOfAModelFolder(_ options: [String]) throws {
    try convert(options)
    try FileManager.default.moveItem(atPath: scratch("model"), toPath: scratch("copy"))
    let result = try verify("copy")
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    #expect(result.outputLines.last == "as converted")
    for part in ["whole: model", "all sums as converted", "latent, first scale: as converted"] {
      #expect(result.output.contains(part), "\(result.output)")
    }
  }

  @Test func damagedCopies() throws {
    try convert()
    let path = scratch("model/model.safetensors")
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    // A bit of the last tensor, another's number of bytes, no file.
    var bytes = whole
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    try expect("is not what was converted: MD5 ", "model")
    try whole.dropLast(100).write(to: URL(fileURLWithPath: path))
    try expect("the file is truncated", "model")
    try FileManager.default.removeItem(atPath: path)
    try expect("cannot be opened", "model")
    try whole.write(to: URL(fileURLWithPath: path))

    // Activations of other weights, whose sums nobody knows.
    let note = scratch("model/verification.json")
    var verification = try JSONDecoder().decode(
      ModelVerification.self, from: try Data(contentsOf: URL(fileURLWithPath: note)))
    let activations = verification.activations
    #expect(activations.map(\.name) == ["latent", "first scale"])
    #expect(activations.map(\.shape) == [[1, 14, 32, 32], [1, 14, 2, 2]])
    // The sum of the checkpoint was the published one.
    verification.published = "NSARM.pth"
    try JSONEncoder().encode(verification).write(to: URL(fileURLWithPath: note))
    #expect(
      try verify("model").outputLines.last == "as converted, from NSARM.pth as published")
    let other = Tensor.randn([1, 14, 32, 32], using: RandomGenerator(seed: 1))
    verification.activations[0] = ActivationSample("latent", other)
    try JSONEncoder().encode(verification).write(to: URL(fileURLWithPath: note))
    try expect("computes another latent of a fixed picture", "model")
    verification.activations = activations
    verification.tensors["twin"] = [:]
    try JSONEncoder().encode(verification).write(to: URL(fileURLWithPath: note))
    try expect("model/twin: is missing", "model")
    verification.tensors["twin"] = nil
    verification.tensors[""]?["transformer.more"] = ""
    try JSONEncoder().encode(verification).write(to: URL(fileURLWithPath: note))
    try expect("lacks 'transformer.more', which was converted", "model")
    try Data("{".utf8).write(to: URL(fileURLWithPath: note))
    try expect("verification.json: cannot be read", "model")
    try FileManager.default.removeItem(atPath: note)
    let silent = try verify("model")
    #expect(silent.status == 0 && silent.outputLines.last!.hasPrefix("whole; without"))
  }

  @Test func valuesThatNoModelHas() throws {
    try convert()
    try FileManager.default.removeItem(atPath: scratch("model/verification.json"))
    let file = try SafetensorsFile(scratch("model/model.safetensors"))
    let tensors = try file.names.map { ($0, try file.tensor($0).cloned()) }
    func change(_ name: String, _ change: (Tensor) -> Tensor) throws {
      try writeSafetensors(
        tensors.map { ($0.0, $0.0 == name ? change($0.1) : $0.1) },
        to: scratch("model/model.safetensors"))
    }
    try change("transformer.head.weight") { $0 * 0 }
    try expect("'transformer.head.weight' holds nothing but zeros", "model")
    try change("transformer.head.bias") { $0 * Double.nan }
    try expect("'transformer.head.bias' holds values that are not finite", "model")
    try change("transformer.head.bias") { .concatenated([$0, $0], 0) }
    try expect("'transformer.head.bias' has shape [224], config.json asks for [112]", "model")
  }

  @Test func checkpointsOfOtherSizes() throws {
    try convert()
    try expect("4 blocks of width 256, tokens of 56 bits, with a transformation", "NSARM.pth")
    try expect("NSARM.pth with 40 blocks of width 3584, tokens of 56 bits", "NSARM.pth")
    try expect("a tokenizer of 14 bits at f8, 32 channels", "vae.pth")
    try writeSafetensors([("x", Tensor.ones([1]))], to: scratch("x.safetensors"))
    try expect("neither a transformer, a tokenizer nor Flan-T5", "x.safetensors")
    try expect("No such file", "none.pth")
    let unknown = try Command.run(["verify", "no-such-model"])
    #expect(unknown.status == 1 && unknown.errors.contains("nsarm models"))
  }

  /// A tokenizer of a published shape; of the transformers only the shapes are compared elsewhere.
  @Test func aTokenizerOfAPublishedSize() throws {
    let shapes = try ModelConfiguration.published(
      tokenizer: .published(downsampling: 16, latentChannels: 16), patch: 1,
      transformer: PublishedSize.m125.transformer, transformationNetwork: nil
    ).parameterShapes().filter { $0.name.hasPrefix("tokenizer.") }
    func write(_ value: Double) throws {
      let tensors = shapes.map { weight in
        let isFirst = weight.name == "tokenizer.encoder.conv_in.conv.weight"
        return (
          String(weight.name.dropFirst("tokenizer.".count)),
          TorchSaveTensor(Tensor.full(weight.shape, isFirst ? value : 0.01, .bfloat16))
        )
      }
      try TorchSaveFile.write(.dictionary([("vae", .tensors(tensors))]), to: scratch("d16.pth"))
    }
    try write(0.5)
    let result = try verify("d16.pth")
    #expect(result.status == 0 && result.outputLines.last == "as published", "\(result.errors)")
    #expect(result.output.hasPrefix("infinity_vae_d16.pth (") && result.output.contains("makers"))
    try write(.infinity)
    try expect("'vae.encoder.conv_in.conv.weight' holds values that are not finite", "d16.pth")
  }
}
