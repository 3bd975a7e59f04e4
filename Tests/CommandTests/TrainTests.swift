import Foundation
import Imaging
import TestSupport
import Testing

/// `nsarm train`, and the options of where and how it computes.
@Suite(.ownThreads) struct TrainTests {
  private let scratch = try! ScratchFolder()

  private func recipe(_ extra: String = "", steps: Int = 3) throws -> String {
    try scratch.write(
      "tokenizer.yaml",
      Array(
        """
        stage: tokenizer
        steps: \(steps)
        batch: 2
        validation_every: 2
        preview_every: 0
        data: {crop: 64, validation_crop: 64, degradation: bicubic, flat_threshold: 0}
        model:
          name: tiny
          schedule: [1, 2, 4]
          tokenizer: {latent_channels: 8, base_channels: 16, channel_multipliers: [1, 2], residual_blocks: 1,
            stem_patch: 4, normalization: channel,
            trunk: {channels: 16, convolutions: 2, join: 1, code_channels: 16, scale: 4}}
        \(extra)
        """.utf8))
  }

  private func train(_ recipe: String, _ options: [String]) throws -> Command.Result {
    let photos = scratch("photos")
    try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
    for (index, side) in [64, 80].enumerated() {
      try scene(side, side).write(to: "\(photos)/\(index).png", overwrite: true)
    }
    return try Command.run(
      [
        "train", recipe, "--data", photos, "--validation", photos,
        "--output", scratch("run"), "--threads", "1",
      ] + options)
  }

  @Test func trainsResumesInAnotherPrecisionAndWritesAModel() throws {
    let first = try train(try recipe(), ["--precision", "float32"])
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output.contains("finished after 3 steps"))
    for name in ["log.jsonl", "validation.jsonl", "model/config.json", "model/model.safetensors"] {
      #expect(scratch.contents.contains("run/" + name))
    }
    let info = try Command.run(["info", scratch("run/model"), "--json"])
    #expect(info.status == 0 && info.output.contains("\"stage\" : \"tokenizer\""))

    let longer = try train(try recipe(steps: 5), [])
    #expect(longer.status == 1 && longer.errors.contains("steps is 5, was 3"), "\(longer.errors)")
    let second = try train(
      try recipe(steps: 5), ["--precision", "bfloat16", "--continue-with-changes"])
    #expect(second.status == 0, "\(second.errors)")
    #expect(second.errors.contains("resuming after step 3"))
    #expect(
      second.errors.contains("computed in float32 on cpu so far, continues in bfloat16 on cpu"))
    #expect(second.output.contains("finished after 5 steps"))
  }

  @Test func photosAndPairsAreMixed() throws {
    let pairs = scratch("pairs")
    for (name, side) in [("lr", 20), ("hr", 80), ("teacher", 80)] {
      let folder = "\(pairs)/\(name)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try scene(side, side).write(to: "\(folder)/a.png")
    }
    let mixed = try train(try recipe(), ["--data", pairs + "=0.5"])
    #expect(mixed.status == 0, "\(mixed.errors)")
    #expect(mixed.output.contains("finished after 3 steps"))
    for (options, message) in [
      (["--data", pairs + "=0"], "number above 0"),
      (["--data", scratch("nowhere") + "=2"], "nowhere: no such folder"),
    ] {
      let result = try train(try recipe(), options)
      #expect(result.status != 0 && result.errors.contains(message), "\(options): \(result.errors)")
    }
    try FileManager.default.removeItem(atPath: "\(pairs)/hr/a.png")
    try scene(72, 80).write(to: "\(pairs)/hr/a.jpg")
    let wrong = try train(try recipe(), ["--data", pairs])
    #expect(wrong.status != 0 && wrong.errors.contains("hr/a.jpg: is 72x80 pixels"))
  }

  @Test func mistakesAreNamed() throws {
    for (options, message) in [
      (["--precision", "int8"], "int8 is for inference"),
      (["--precision", "half"], "auto|float32|bfloat16|int8"),
      (["--device", "quantum"], "device 'quantum' is not available here"),
      (["--threads", "0"], "--threads has to be at least 1"),
      (["--init", scratch("nothing")], "no such model folder"),
    ] {
      let result = try train(try recipe(), options)
      #expect(result.status != 0 && result.errors.contains(message), "\(options): \(result.errors)")
    }
  }

  /// One line each, an exit status that tells, nothing left behind.
  @Test func hostileRecipesAreRefused() throws {
    let whole = try String(contentsOfFile: try recipe(), encoding: .utf8)
    for (old, new, message) in [
      ("batch: 2", "batch: 1000000000", "'batch' is 1000000000; 1 to 100000 are allowed"),
      ("schedule: [1, 2, 4]", "schedule: []", "'model.schedule' has 0 elements"),
      (
        "degradation: bicubic", "degradation: ful", "full, light, bicubic, grain or mix are allowed"
      ),
      ("stem_patch: 4", "stem_patch: 0", "'model.tokenizer.stem_patch' is 0"),
      ("stage: tokenizer", "stage: tokeniser", "'stage' is 'tokeniser'; there are: tokenizer"),
      ("validation_crop: 64", "validation_crop: 48", "0.png: cannot be used for validation"),
    ] {
      let file = try scratch.write(
        "hostile.yaml", whole.replacingOccurrences(of: old, with: new).utf8)
      let result = try train(file, [])
      #expect(result.status == 1 && result.errorLines.count == 1, "\(result.errors)")
      #expect(result.errors.contains(message), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: scratch("run")))
    }
    let log = scratch("run/log.jsonl")
    try FileManager.default.createDirectory(
      atPath: scratch("run"), withIntermediateDirectories: true)
    try Data("mine\n".utf8).write(to: URL(fileURLWithPath: log))
    let foreign = try train(try recipe(), [])
    #expect(foreign.status == 1 && foreign.errors.contains("log.jsonl: exists already"))
    #expect(try String(contentsOfFile: log, encoding: .utf8) == "mine\n")
  }

  @Test func infoTellsHowTheMachineComputes() throws {
    func compute(_ environment: [String: String], _ options: String...) throws -> [String: Any] {
      let result = try Command.run(
        ["info", Command.model, "--json"] + options, environment: environment)
      #expect(result.status == 0, "\(result.errors)")
      let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
      return (object as! [String: Any])["compute"] as! [String: Any]
    }
    let limited = try compute(["ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"])
    #if arch(x86_64)
      #expect(limited["precision"] as? String == "float32")
    #endif
    #expect(!(limited["reason"] as! String).isEmpty)
    let asked = try compute([:], "--precision", "bfloat16")
    #expect(asked["precision"] as? String == "bfloat16" && asked["device"] as? String == "cpu")
  }

  @Test func upscaleSaysWhatItComputedIn() throws {
    try scene(20, 16).write(to: scratch("a.png"))
    for precision in ["float32", "bfloat16"] {
      let result = try Command.upscale(
        scratch("a.png"), "-o", scratch("\(precision).png"), "--json", "--precision", precision)
      #expect(result.status == 0, "\(result.errors)")
      #expect(result.output.contains("\"precision\":\"\(precision)\""))
      #expect(result.output.contains("\"precision_reason\":\"as asked for"))
    }
  }
}
