import Foundation
import ModelTestSupport
import NSARM
import Prompts
import TestSupport
import Testing

/// Prompts of `nsarm upscale`.
@Suite(.ownThreads) struct PromptTests {
  private let folder = try! ScratchFolder()
  private let model: String

  init() throws {
    model = try TinyModel.write(TinyModel.textConfiguration, in: folder.path)
    try TinyTextEncoder.write(to: model + "/text-encoder")
    try folder.write(scene(24, 20), "in/a.png")
    try folder.write(scene(20, 24), "in/b.png")
  }

  private func upscale(
    _ arguments: [String], model: String? = nil, key: String? = nil
  ) throws -> Command.Result {
    var environment = ["XDG_CACHE_HOME": folder("cache")]
    environment["NSARM_CAPTION_KEY"] = key
    return try Command.run(
      ["upscale", folder("in"), "--model", model ?? self.model, "--threads", "1", "--json"]
        + ["-o", folder("out"), "--overwrite"] + arguments, environment: environment)
  }

  /// The pictures and the prompts that were said to be used.
  private func outputs(
    _ arguments: [String] = [], key: String? = nil
  ) throws -> (pictures: [Data], prompts: [String?]) {
    let result = try upscale(arguments, key: key)
    #expect(result.status == 0, "\(result.errors)")
    let lines = try result.outputLines.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as! [String: Any]
    }
    #expect(lines.count == 2)
    return (
      try ["a", "b"].map { try Data(contentsOf: URL(fileURLWithPath: folder("out/\($0).png"))) },
      lines.map { $0["prompt"] as? String }
    )
  }

  private var cached: Int { folder.contents.filter { $0.hasPrefix("cache/nsarm/prompts/") }.count }

  @Test func promptsChangeThePictures() throws {
    let null = try outputs()
    #expect(null.prompts == [nil, nil] && cached == 0)
    let bridge = try outputs(["--prompt", "A stone bridge."])
    #expect(bridge.prompts == ["A stone bridge.", "A stone bridge."] && cached == 1)
    #expect(bridge.pictures != null.pictures)
    // From the cache.
    #expect(try outputs(["--prompt", "A stone bridge."]).pictures == bridge.pictures)
    #expect(try outputs(["--prompt", "A red bicycle."]).pictures != bridge.pictures)
    #expect(try outputs(["--prompt", ""]).prompts == ["", ""])
    let home = ["XDG_CACHE_HOME": "caches", "HOME": folder("home")]
    let relative = try Command.run(
      ["upscale", folder("in/a.png"), "--model", model, "--prompt", "A cat.", "-o"]
        + [folder("c.png")], environment: home)
    #expect(relative.errors.contains("XDG_CACHE_HOME is 'caches', no absolute path"))
    #expect(folder.contents.contains { $0.hasPrefix("home/.cache/nsarm/prompts/") })

    let guided = try outputs(["--prompt", "A stone bridge.", "--guidance", "3"])
    #expect(guided.pictures != bridge.pictures)
    let away = try outputs(
      ["--prompt", "A stone bridge.", "--guidance", "3", "--negative-prompt", "-blurry, noise"])
    #expect(away.pictures != guided.pictures)
  }

  /// A published model has a prompt of its own, whose features are in its folder.
  @Test func theModelsOwnPrompt() throws {
    let null = try outputs()
    var configuration = TinyModel.textConfiguration
    configuration.prompt = "A stone bridge."
    let file = model + "/config.json"
    try JSONEncoder().encode(configuration).write(to: URL(fileURLWithPath: file))
    let without = try upscale([])
    #expect(without.errors.contains("lacks the features of its prompt"))
    #expect(try outputs().pictures == null.pictures)

    let encoder = try PromptEncoder(
      model + "/text-encoder", channels: configuration.transformer!.text!.channels, cache: nil)
    let features = try encoder(["A stone bridge."])["A stone bridge."]!.features.selected(0, 0)
    try ModelFolder.write(features, of: "A stone bridge.", to: model)
    let own = try outputs()
    #expect(own.prompts == ["A stone bridge.", "A stone bridge."] && cached == 0)
    #expect(own.pictures != null.pictures)
    #expect(try outputs(["--prompt", "A stone bridge."]).pictures == own.pictures)
    #expect(try outputs(["--prompt", "A red bicycle."]).pictures != own.pictures)

    try ModelFolder.write(features, of: "A red bicycle.", to: model)
    let other = try upscale([])
    #expect(other.status == 1 && other.errors.contains("no features of this model's prompt"))
  }

  @Test func captionsOfAFile() throws {
    func lines(_ captions: [(String, String)]) throws -> [UInt8] {
      Array(
        captions.map { #"{"image_path": "\#($0.0)", "long_caption": "\#($0.1)"}"# }
          .joined(separator: "\n").utf8)
    }
    let file = try folder.write(
      "captions.jsonl", try lines([("in/a.png", "A stone bridge."), ("x/b.png", "A cat.")]))
    #expect(try outputs(["--prompts", file]).prompts == ["A stone bridge.", "A cat."])
    #expect(cached == 2)
    let one = try folder.write("one.jsonl", try lines([("/data/b.png", "A cat.")]))
    #expect(
      try outputs(["--prompts", one, "--prompt", "A dog."]).prompts == ["A dog.", "A cat."])
    let partly = try upscale(["--prompts", one])
    #expect(partly.status == 0)
    #expect(partly.errors.contains("no caption in \(one) for 1 picture: the null text"))
    let bad = try upscale(["--prompts", try folder.write("bad.jsonl", Array("\n{".utf8))])
    #expect(bad.status == 1 && bad.errors.contains("bad.jsonl:2: is not valid JSON"))
    #expect(try upscale(["--prompts", folder("nothing")]).status == 1)
  }

  @Test func captionsOfAServer() throws {
    let server = try LocalServer { number, request in
      guard request.head.contains("Bearer secret") else { return .status(401, "who are you?") }
      return number % 2 == 0
        ? .status(200, LocalServer.completion("A stone bridge.")) : .status(400, "no picture")
    }
    let options = ["--caption-endpoint", server.address, "--caption-model", "vision"]
    let refused = try upscale(options)
    #expect(refused.status == 1 && refused.outputLines.isEmpty)
    #expect(refused.errors.contains("NSARM_CAPTION_KEY"))

    // The server's numbers go on: 1 is refused, 2 is answered.
    let result = try upscale(options, key: "secret")
    #expect(result.status == 1 && result.errors.contains("status 400 (no picture)"))
    #expect(result.outputLines.count == 2 && result.output.contains("A stone bridge."))

    // With a file the server is asked for the rest.
    let line = #"{"image_path": "in/a.png", "long_caption": "A cat."}"#
    let file = try folder.write("captions.jsonl", Array(line.utf8))
    let rest = try upscale(options + ["--prompts", file], key: "secret")
    #expect(rest.output.contains("A cat.") && rest.output.contains("no picture"))
    let all = try outputs(options + ["--prompts", file], key: "secret")
    #expect(all.prompts == ["A cat.", "A stone bridge."])
  }

  @Test func whatHasNoEffectIsRefused() throws {
    for options in [
      ["--prompt", "x", "--caption-endpoint", "http://localhost:1"], ["--caption-model", "x"],
      ["--caption-endpoint", "localhost"], ["--guidance", "-1"], ["--guidance", "101"],
      ["--guidance", "1,2,"], ["--guidance-layer", "1"],
      ["--guidance", "nan"], ["--prompts", ""],
    ] {
      let result = try upscale(options)
      #expect(result.status == 64, "\(options): \(result.errors)")
    }
    let negative = try upscale(["--negative-prompt", "x", "--prompt", "y"])
    #expect(negative.status == 1 && negative.errors.contains("no effect without --guidance"))
  }

  @Test func modelsWithoutTextOrEncoderSaySo() throws {
    for options in [["--prompt", "x"], ["--guidance", "2"], ["--prompts", "nothing.jsonl"]] {
      let result = try upscale(options, model: Command.model)
      #expect(result.status == 1 && result.errors.contains("has no text condition"))
    }
    try FileManager.default.removeItem(atPath: model + "/text-encoder")
    let missing = try upscale(["--prompt", "x"])
    #expect(missing.status == 1 && missing.errors.contains("text-encoder: no such folder"))
    #expect(missing.errorLines.count == 1)
    // The null text needs none.
    #expect(try upscale([]).status == 0)
    try TinyTextEncoder.write(to: model + "/text-encoder", channels: 64)
    let other = try upscale(["--prompt", "x"])
    #expect(other.status == 1 && other.errors.contains("features of 64 channels"))
  }

  @Test func aDamagedCacheIsNoFailure() throws {
    let expected = try outputs(["--prompt", "A cat."])
    for name in folder.contents where name.hasPrefix("cache/nsarm/prompts/") {
      try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder(name)))
    }
    #expect(try outputs(["--prompt", "A cat."]).pictures == expected.pictures)
    try FileManager.default.removeItem(atPath: folder("cache"))
    _ = try folder.write("cache", [1])
    #expect(try outputs(["--prompt", "A cat."]).pictures == expected.pictures)
  }

  /// The model that comes out finds the text encoder of the one that went in.
  @Test func trainsOnCaptions() throws {
    let lines = ["a", "b"].map { #"{"image_path": "\#($0).png", "long_caption": "A \#($0)."}"# }
    let captions = try folder.write("captions.jsonl", Array(lines.joined(separator: "\n").utf8))
    for name in ["a", "b"] { try folder.write(scene(128, 128), "photos/\(name).png") }
    let recipe = try folder.write(
      "recipe.yaml",
      Array(
        """
        stage: stage2
        steps: 2
        batch: 2
        preview_every: 0
        data: {crop: 128, degradation: bicubic, flat_threshold: 0, captions: \(captions)}
        """.utf8))
    let arguments = [
      "train", recipe, "--data", folder("photos"), "--output", folder("run"), "--threads", "1",
    ]
    let missing = try Command.run(arguments + ["--init", Command.model])
    #expect(missing.status == 1 && missing.errors.contains("not conditioned on text"))
    let result = try Command.run(arguments + ["--init", model])
    #expect(result.status == 0, "\(result.errors)")
    let restored = try upscale(["--prompt", "A cat."], model: folder("run/model"))
    #expect(restored.status == 0, "\(restored.errors)")
  }
}
