import Checkpoints
import Foundation
import ParityTestSupport
import TestSupport
import Testing
import Torch
import TorchSaveSupport

@testable import NSARM
@testable import PublishedCheckpoints

/// Tensors that the published script drops, ignores or changes when it loads a checkpoint.
@Suite(.ownThreads) struct LeftOutTests {
  private let folder = try! ScratchFolder()

  /// The model of changed weights, and the one of those that were not.
  private func models(
    main: (inout [(String, Tensor)]) throws -> Void = { _ in },
    tokenizer: (inout [(String, Tensor)]) throws -> Void = { _ in }
  ) throws -> (found: PublishedModel, plain: PublishedModel) {
    let plain = try PublishedFixtures.writePlain(in: folder)
    var (weights, tokens) = (try PublishedFixtures.nsarm(), try PublishedFixtures.tokenizer())
    try main(&weights)
    try tokenizer(&tokens)
    try PublishedFixtures.write(weights, to: folder("main.pth"))
    try PublishedFixtures.write(tokens, to: folder("tokens.pth"), under: ["vae"])
    return (
      try PublishedModel([folder("main.pth")], folder("tokens.pth"), in: folder),
      try PublishedModel([plain.main], plain.vae, in: folder)
    )
  }

  private func expectSame(_ models: (found: PublishedModel, plain: PublishedModel)) throws {
    #expect(models.found.remainder.problems == [])
    #expect(models.found.configuration == models.plain.configuration)
    #expect(models.found.weights.map(\.name) == models.plain.weights.map(\.name))
    for (a, b) in zip(models.found.weights, models.plain.weights) {
      #expect(bytes(try a.file.tensor(a.key)) == bytes(try b.file.tensor(b.key)), "\(a.name)")
    }
  }

  @Test func tablesOfTheTransformer() throws {
    let tables: [(String, Tensor)] = [
      ("lvl_1L", .zeros([1, 12], .int64)), ("attn_bias_for_masking", .zeros([1, 1, 12, 12])),
      ("Infinity_visible_kvlen", .zeros([12], .int32)),
      ("Infinity_invisible_qlen", .zeros([12], .int32)),
    ]
    let models = try models(main: { $0 += tables })
    try expectSame(models)
    #expect(models.found.remainder.ignored == [])
    let constants = models.found.remainder.constants
    #expect(Set(constants).isSuperset(of: tables.map(\.0)))
    #expect(
      PublishedRemainder.summary(constants).contains(
        "block_chunks.*.module.*.sa.zero_k_bias (4)"))
  }

  @Test func keysThatNothingAsksFor() throws {
    let models = try models(
      main: {
        $0.append(("vae_local.quantizer.lfq.mask", .ones([14])))
        $0.append(("block_chunks.0.module.1.sa.q_norm.weight", .ones([4])))
        $0.append(("map_transformer.extra", .ones([4])))
      },
      tokenizer: { tokens in
        tokens.append(("lecam_ema.logits_real_ema", .ones([1])))
        tokens.append(("quantizer.codebook.weight", .ones([8, 14])))
        tokens.append(("encoder.mid.attn_1.q.weight", .ones([4, 4, 1, 1])))
        for layer in 0..<6 {
          for name in ["weight", "bias", "weight_u", "weight_v", "weight_orig"] {
            tokens.append(("discriminator.blocks.\(layer).\(name)", .ones([4])))
          }
        }
      })
    try expectSame(models)
    #expect(
      Set(PublishedRemainder.summary(models.found.remainder.ignored)) == [
        "vae_local.quantizer.lfq.mask", "block_chunks.*.module.*.sa.q_norm.weight",
        "map_transformer.extra", "vae.lecam_ema.logits_real_ema", "vae.quantizer.codebook.weight",
        "vae.encoder.mid.attn_1.q.weight", "vae.discriminator.blocks.* (30)",
      ])
  }

  @Test func whatIsNeededMayNotBeMissing() throws {
    let problems = try models(main: { weights in
      weights.removeAll { $0.0 == "block_chunks.0.module.1.ffn.fc1.bias" }
      weights.append(("block_chunks.0.module.1.ffn.fc1.beta", .ones([512])))
    }).found.remainder.problems
    #expect(problems.count == 1 && problems[0].contains("ffn.fc1.bias' of shape [512] is missing"))
    let gap = message {
      _ = try models(main: { weights in
        weights.removeAll { $0.0.hasPrefix("block_chunks.0.module.0.") }
      })
    }
    #expect(
      gap?.contains("has 'block_chunks.0.module.1' but not 'block_chunks.0.module.0'") == true)
  }

  @Test(arguments: [
    (["trainer", "gpt_fsdp"], ["trainer", "gpt_ema_fsdp"], "trainer.gpt_ema_fsdp"),
    (["ema"], ["weights"], "ema"), ([], ["ema"], "ema"),
    (["optimizer", "master"], ["network"], "optimizer.master"),
  ])
  func oneOfSeveralDictionaries(_ first: [String], _ second: [String], _ other: String) throws {
    let plain = try PublishedFixtures.writePlain(in: folder)
    let weights = try PublishedFixtures.nsarm()
    // The averages or copies have other values.
    let chosen = other == first.joined(separator: ".") ? second : first
    func named(_ group: [String]) -> [(String, Tensor)] {
      weights.map { name, tensor in
        ((group + [name]).joined(separator: "."), group == chosen ? tensor : tensor * 0.5)
      }
    }
    try writeSafetensors(named(first) + named(second), to: folder("both.safetensors"))
    let found = try PublishedModel([folder("both.safetensors")], plain.vae, in: folder)
    try expectSame((found, try PublishedModel([plain.main], plain.vae, in: folder)))
    #expect(found.remainder.ignored.contains { $0.hasPrefix("\(other.prefix { $0 != "." })") })
    #expect(found.remainder.ignored.count == 1, "\(found.remainder.ignored)")
  }

  @Test func levelsThatTrainingPutsAround() throws {
    let plain = try PublishedFixtures.writePlain(in: folder)
    let weights = try PublishedFixtures.nsarm().map { name, tensor in
      let inner = name.replacing(".module.", with: "._fsdp_wrapped_module.module.")
      return ("_fsdp_wrapped_module." + inner, tensor)
    }
    #expect(weights.contains { $0.0.contains("block_chunks.0._fsdp_wrapped_module.module.1.") })
    try PublishedFixtures.write(weights, to: folder("main.pth"), under: ["trainer", "gpt_fsdp"])
    let found = try PublishedModel([folder("main.pth")], plain.vae, in: folder)
    try expectSame((found, try PublishedModel([plain.main], plain.vae, in: folder)))

    let twice = weights + [("pos_start", .zeros([1, 1, 256]))]
    try PublishedFixtures.write(twice, to: folder("main.pth"))
    #expect(
      message { _ = try PublishedModel([folder("main.pth")], plain.vae, in: folder) }!
        .contains("'_fsdp_wrapped_module.pos_start' and 'pos_start' are the same weight"))
  }

  @Test func biasesOfKeysAreZero() throws {
    let name = "block_chunks.1.module.0.ca.zero_k_bias"
    let problems = try models(main: { weights in
      let place = try #require(weights.firstIndex { $0.0 == name })
      weights[place].1 = .full([256], 0.1)
    }).found.remainder.problems
    #expect(problems.count == 1 && problems[0].contains("'\(name)' is not zero: the published"))
  }

  @Test func theNullTextHas512Rows() throws {
    let key = UnconditionalRows.key
    func rows(_ rows: Tensor) throws -> Tensor {
      let found = try models(main: { weights in
        let place = try #require(weights.firstIndex { $0.0 == key })
        weights[place].1 = rows
      }).found
      #expect(found.remainder.problems == [])
      #expect(found.configuration.transformer?.text?.maximumLength == 512)
      let weight = try #require(found.weights.first { $0.key == key })
      #expect(weight.shape == [512, 256])
      return try weight.file.tensor(weight.key)
    }
    let long = Tensor.randn([600, 256], using: RandomGenerator(seed: 1))
    #expect(try rows(long).floats == long.narrowed(0, from: 0, count: 512).contiguous().floats)

    let short = Tensor.randn([3, 256], using: RandomGenerator(seed: 2)).to(.bfloat16)
    let padded = try rows(short)
    #expect(padded.dtype == .bfloat16)
    #expect(padded.narrowed(0, from: 0, count: 3).contiguous().floats == short.floats)
    let rest = UnconditionalRows.initial(channels: 256).narrowed(0, from: 3, count: 509)
    #expect(
      padded.narrowed(0, from: 3, count: 509).contiguous().floats
        == rest.to(.bfloat16).contiguous().floats)
  }

  /// N(0, 1.2²) in [-2, 2] has a deviation of 0.955.
  @Test func rowsOfANewModel() {
    let values = UnconditionalRows.initial(channels: 64) * 8
    #expect(abs(values.mean().item) < 0.02)
    #expect(abs(values.square().mean().item.squareRoot() - 0.955) < 0.005)
    #expect(values.abs().max().item <= 2)
    // torch.nn.init.trunc_normal_ of PyTorch 2.5 over 8, the first and the last ones.
    let drawn = (values * 0.125).floats
    let first: [Float] = [-0.0012729861, 0.0977002978, -0.1705199331, -0.1447926015]
    let last: [Float] = [0.0612133034, -0.0872281343, -0.0912127942]
    for (a, b) in zip(drawn.prefix(4) + drawn.suffix(3), first + last) {
      #expect(abs(a - b) < 1e-7)
    }
    for x in [-1.9, -0.3, 0, 1e-9, 0.7, 2.5] {
      #expect(abs(UnconditionalRows.inverseErf(erf(x)) - x) < 1e-12)
    }
  }

  /// Cut anywhere, within the pickle, too, and in either format of torch.save.
  @Test(arguments: [false, true], [2, 3, 7])
  func piecesAreReadInPlace(_ isLegacy: Bool, _ count: Int) throws {
    let plain = try PublishedFixtures.writePlain(in: folder)
    let value = TorchSaveValue.tensors(
      try PublishedFixtures.nsarm().map { ($0.0, TorchSaveTensor($0.1)) })
    if isLegacy {
      try LegacyTorchSaveFile.write(value, to: folder("whole.pth"))
    } else {
      try TorchSaveFile.write(value, to: folder("whole.pth"))
    }
    let data = Array(try Data(contentsOf: URL(fileURLWithPath: folder("whole.pth"))))
    // The first of seven ends in the pickle.
    let first = count == 7 ? 1000 : data.count / count + 13
    let step = (data.count - first) / (count - 1)
    let cuts = [0, first] + (1..<(count - 1)).map { first + $0 * step } + [data.count]
    let paths = try (0..<count).map { index in
      let name = "NSARM_part_a" + String(Array("abcdefg")[index])
      return try folder.write(name, data[cuts[index]..<cuts[index + 1]])
    }
    let files = try CheckpointFiles(paths.reversed())
    #expect(files.isCut && files.byteCount == data.count)
    #expect(files.files.map(\.paths) == [paths])
    let before = folder.entries
    let found = try PublishedModel(paths, plain.vae, in: folder)
    try expectSame((found, try PublishedModel([plain.main], plain.vae, in: folder)))
    #expect(folder.entries == before)
    // Given back and read again.
    let weight = found.weights[0]
    let values = try weight.file.tensor(weight.key).floats
    weight.file.release(weight.key)
    #expect(try weight.file.tensor(weight.key).floats == values)
    #expect(message { _ = try CheckpointFiles([paths[0]]) }!.contains("a piece of a file"))
    #expect(message { _ = try CheckpointFiles(paths.dropLast()).open() } != nil)
  }
}
