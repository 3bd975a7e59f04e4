import Checkpoints
import Files
import Foundation
import ModelTestSupport
import NSARM
import ParityTestSupport
import TestSupport
import Testing
import Torch
import TorchSaveSupport

/// `nsarm convert` with the weights of the fixtures.
@Suite(.ownThreads) struct ConvertTests {
  private let scratch = try! ScratchFolder()

  private func weights(_ name: String, prefix: String = "") throws -> [(String, TorchSaveTensor)] {
    let source = FixtureSource(try Fixture.load(name))
    return try source.names.map { (prefix + $0, TorchSaveTensor(try source.tensor($0))) }
  }

  /// Writes the checkpoints and runs the command on them.
  private func convert(
    _ options: [String], without missing: String? = nil, text: Bool = false
  ) throws -> Command.Result {
    if !FileManager.default.fileExists(atPath: scratch("NSARM.pth")) || missing != nil {
      let main =
        try weights("infinity_small") + weights("map8b_small", prefix: "map_transformer.")
      try TorchSaveFile.write(
        .tensors(main.filter { $0.0 != missing }), to: scratch("NSARM.pth"))
      try TorchSaveFile.write(
        .dictionary([("vae", .tensors(try weights("vae_small")))]), to: scratch("vae.pth"))
    }
    return try Command.run(
      ["convert", scratch("NSARM.pth"), "--vae", scratch("vae.pth"), "-o", scratch("model")]
        + (text ? ["--text-encoder", scratch("t5")] : []) + options)
  }

  /// A model that is made smaller keeps its text encoder and its prompt, and can be verified.
  @Test func aSmallerModelKeepsItsTexts() throws {
    try TinyTextEncoder.write(to: scratch("t5"), channels: 256)
    #expect(try convert([], text: true).status == 0)
    let narrow = try Command.run(
      ["convert", scratch("model"), "--quantize", "int8", "-o", scratch("narrow")])
    #expect(narrow.status == 0, "\(narrow.errors)")
    let kept = [
      "prompt.safetensors", "text-encoder/model.safetensors", "text-encoder/spiece.model",
    ]
    for name in kept {
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: scratch("narrow/" + name)))
          == Data(contentsOf: URL(fileURLWithPath: scratch("model/" + name))))
    }
    func verified() throws -> Command.Result { try Command.run(["verify", scratch("narrow")]) }
    let whole = try verified()
    #expect(whole.status == 0 && whole.output.contains("as converted"), "\(whole.errors)")
    let vocabulary = try Data(contentsOf: URL(fileURLWithPath: scratch("narrow/" + kept[2])))
    _ = try scratch.write("narrow/" + kept[2], [1, 2])
    #expect(try verified().errors.contains("spiece.model: is not what was converted"))
    try vocabulary.write(to: URL(fileURLWithPath: scratch("narrow/" + kept[2])))

    let file = scratch("narrow/config.json")
    let configuration = try String(contentsOfFile: file, encoding: .utf8)
    try configuration.replacingOccurrences(of: "harmonious", with: "garish")
      .write(toFile: file, atomically: true, encoding: .utf8)
    let other = try verified()
    #expect(other.status == 1 && other.errors.contains("no features of this model's prompt"))
  }

  @Test func aFolderThatInfoReads() throws {
    try TinyTextEncoder.write(to: scratch("t5"), channels: 256)
    try FileManager.default.removeItem(atPath: scratch("t5/spiece.model"))
    let early = try convert([], text: true)
    #expect(early.status == 1 && early.errors.contains("t5/spiece.model: is missing"))
    try FileManager.default.copyItem(
      atPath: TinyTextEncoder.tokenizer, toPath: scratch("t5/spiece.model"))

    let dry = try convert(["--dry-run", "--quantize", "int4"], text: true)
    #expect(dry.status == 0, "\(dry.errors)")
    for part in [
      "nsarm-4x256 (", "f8, 14 bits a cell", "scales [2, 4, 8, 12, 16, 24, 32], heads [4, 4, 8",
      "4 blocks, width 256, 2 heads, tokens of 56 bits", "  model.safetensors",
      "text-encoder/model.safetensors", "left out", "sa.zero_k_bias",
    ] { #expect(dry.output.contains(part), "\(dry.output)") }
    #expect(!scratch.entries.contains("model"))

    let done = try convert(["--quantize", "int4"], text: true)
    #expect(done.status == 0 && done.output == dry.output, "\(done.errors)")
    #expect(
      scratch.contents.filter { $0.hasPrefix("model/") } == [
        "model/config.json", "model/model.safetensors", "model/prompt.safetensors",
        "model/text-encoder/model.safetensors", "model/text-encoder/spiece.model",
        "model/verification.json",
      ])
    let verified = try Command.run(["verify", scratch("model")])
    #expect(verified.status == 0 && verified.outputLines.last == "as converted")
    #expect(verified.output.contains("whole: model, text-encoder, prompt.safetensors"))
    let info = try Command.run(["info", scratch("model")])
    #expect(info.status == 0, "\(info.errors)")
    #expect(info.output.contains("converted") && info.output.contains("by nsarm"))
    #expect(info.output.contains(/prompt +A high-definition image/))
    #expect(info.output.contains(/text encoder +T5, [0-9]+ blocks, width [0-9]+, [0-9]+ heads/))
    #expect(info.output.contains(/source NSARM.pth +[0-9]+ bytes, SHA-256 [0-9a-f]{64}/))

    // Nothing that is there is replaced without a wish, and nothing else than a model at all.
    let again = try convert([])
    #expect(again.status == 1 && again.errors.contains("exists already; --overwrite replaces it"))
    let over = try convert(["--overwrite"])
    #expect(over.status == 0, "\(over.errors)")
    #expect(!scratch.contents.contains("model/text-encoder/spiece.model"))
  }

  @Test func everyKeyThatDoesNotFitIsListed() throws {
    let result = try convert([], without: "block_chunks.1.module.1.ffn.fc1.bias")
    #expect(result.status == 1 && result.output.isEmpty)
    #expect(
      result.errorLines == [
        "error: \(scratch("NSARM.pth")): 'block_chunks.1.module.1.ffn.fc1.bias' of shape [512] is missing",
        "error: 1 key not as expected; nothing was written",
      ])
    #expect(scratch.entries == ["NSARM.pth", "vae.pth"])
  }

  /// What the published script ignores is named once; a dry run only reads, pieces as well.
  @Test func aDryRunOfPiecesWritesNothing() throws {
    var main = try weights("infinity_small") + weights("map8b_small", prefix: "map_transformer.")
    main.append(("vae_local.quantizer.lfq.mask", TorchSaveTensor(.ones([14]))))
    try TorchSaveFile.write(.tensors(main), to: scratch("whole.pth"))
    try TorchSaveFile.write(
      .dictionary([("vae", .tensors(try weights("vae_small")))]), to: scratch("vae.pth"))
    let data = try Data(contentsOf: URL(fileURLWithPath: scratch("whole.pth")))
    let third = data.count / 3
    let pieces = try ["aa", "ab", "ac"].enumerated().map { index, name in
      let end = index == 2 ? data.count : (index + 1) * third
      return try scratch.write("NSARM_part_\(name)", data[(index * third)..<end])
    }
    try FileManager.default.removeItem(atPath: scratch("whole.pth"))
    let before = scratch.contents
    let arguments =
      ["convert"] + pieces + ["--vae", scratch("vae.pth"), "-o", scratch("out/model")]
    let room = try ScratchFolder()
    let dry = try Command.run(arguments + ["--dry-run"], environment: ["TMPDIR": room.path])
    #expect(dry.status == 0, "\(dry.errors)")
    #expect(
      dry.errorLines == [
        "note: left out, as the published script leaves it out: vae_local.quantizer.lfq.mask"
      ])
    #expect(scratch.contents == before && room.contents == [])
    #expect(dry.output.contains("  block_chunks.*.module.*.sa.zero_k_bias (4)"))

    let done = try Command.run(arguments)
    #expect(done.status == 0 && done.output == dry.output, "\(done.errors)")
    let info = try Command.run(["info", scratch("out/model")])
    for (piece, name) in zip(pieces, ["aa", "ab", "ac"]) {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: piece)).count
      let sum = try FileDigest.sha256(piece)
      #expect(info.output.contains("source NSARM_part_\(name)"))
      #expect(info.output.contains("\(bytes) bytes, SHA-256 \(sum)"), "\(info.output)")
    }
    let md5 = data.withUnsafeBytes { FileDigest.md5($0) }
    #expect(info.output.contains("MD5 \(md5)"))
  }

  @Test func foldersWithOtherThingsStay() throws {
    try FileManager.default.createDirectory(
      atPath: scratch("model"), withIntermediateDirectories: true)
    _ = try scratch.write("model/notes.txt", [1])
    let result = try convert(["--overwrite"])
    #expect(result.status == 1 && result.errors.contains("is no model folder"))
    let inside = try convert(["-o", scratch.path, "--overwrite"])
    #expect(inside.status == 1 && inside.errors.contains("choose another folder for the model"))
    #expect(scratch.contents.contains("model/notes.txt"))
  }

  @Test func aKilledRunLeavesNoModel() throws {
    _ = try convert(["--dry-run"])
    let process = Command.process(
      ["convert", scratch("NSARM.pth"), "--vae", scratch("vae.pth"), "-o", scratch("model")])
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    while process.isRunning, !scratch.entries.contains(".model.partial") { usleep(500) }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    if scratch.entries.contains("model") { _ = try ModelFolder(scratch("model")).load(.float32) }
    let result = try convert(["--overwrite"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(scratch.entries == ["NSARM.pth", "model", "vae.pth"])
  }

  @Test func badOptions() throws {
    for (options, words) in [
      (["--quantize", "int5"], "int5"), (["-o", ""], "-o is empty"),
      (["--vae", ""], "name is empty"), (["--vae", scratch("none")], "No such file"),
    ] {
      let result = try convert(options)
      #expect(result.status != 0 && result.errors.contains(words), "\(result.errors)")
    }
  }
}
