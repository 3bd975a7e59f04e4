import Foundation
import Imaging
import Testing
import Torch

@testable import Training

/// The checks at the start and at the resumption of a run.
@Suite struct RunChecksTests {
  private func recipe(_ extra: String = "", steps: Int = 4) throws -> TrainingRecipe {
    try TrainingRecipe(
      text: """
        stage: tiny
        steps: \(steps)
        batch: 2
        precision: float32
        validation_every: 0
        preview_every: 0
        checkpoint_every: 2
        data: {crop: 32, flips: false, degradation: bicubic, flat_threshold: 0}
        \(extra)
        """, file: "r.yaml")
  }

  private func message(_ body: () throws -> some Any) -> String {
    do {
      _ = try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func validationPicturesThatAreTooSmall() throws {
    let output = try TemporaryFolder()
    let (large, small) = (
      try photos(2, width: 64, height: 64), try photos(2, width: 48, height: 40)
    )
    let recipe = try TrainingRecipe(
      text: """
        stage: tokenizer
        steps: 1
        data: {crop: 64, validation_crop: 64, degradation: bicubic}
        model:
          schedule: [1, 2, 4]
          tokenizer: {latent_channels: 8, base_channels: 16, channel_multipliers: [1, 2], residual_blocks: 1,
            stem_patch: 4, normalization: channel, trunk: {channels: 16, convolutions: 2, join: 1}}
        """, file: "r.yaml")
    let stage = try makeStage(recipe, from: nil)
    let data = recipe.settings.data
    let source = try makeTrainingSource(
      [DataFolder(path: large.path)], settings: data, scale: 4, seed: 1
    ) { _ in }
    let validation = try ValidationSet(folder: small.path, settings: data, scale: 4) { _ in }
    let text = message {
      try Trainer(
        stage, recipe: recipe, source: source, validation: validation, output: output / "run",
        isSilent: true)
    }
    #expect(text.contains("\(small.path)/photo0.png: cannot be used for validation"), "\(text)")
    #expect(text.contains("48x40"))
    #expect(!FileManager.default.fileExists(atPath: output / "run"))
  }

  @Test func batchesThatNoMemoryHolds() throws {
    let (photos, output) = (try photos(2), try TemporaryFolder())
    let recipe = try TrainingRecipe(
      text: "{stage: tiny, steps: 1, batch: 100000, data: {crop: 8000}}", file: "r.yaml")
    let source = try makeTrainingSource(
      [DataFolder(path: photos.path)], settings: settings(), scale: 4, seed: 1
    ) { _ in }
    let text = message {
      try Trainer(
        TinyStage(), recipe: recipe, source: source, validation: nil, output: output / "run",
        isSilent: true)
    }
    #expect(
      text.hasPrefix("r.yaml: 'batch' is 100000: crops of 8000 pixels") && text.contains("GiB"),
      "\(text)")
    #expect(
      message { try TrainingRecipe(text: "{stage: a, steps: 1, batch: 1000000000}") }.contains(
        "1 to 100000"))
  }

  @Test func modelsThatNoMemoryHolds() throws {
    let recipe = try TrainingRecipe(
      text: """
        {stage: tokenizer, steps: 1, data: {crop: 128},
         model: {tokenizer: {base_channels: 4096, channel_multipliers: [64, 64, 64, 64], residual_blocks: 64}}}
        """, file: "r.yaml")
    let text = message { try makeStage(recipe, from: nil) }
    #expect(text.hasPrefix("r.yaml: 'model' has ") && text.contains("make it smaller"), "\(text)")
  }

  @Test func foreignFilesAreNeitherRewrittenNorReplaced() throws {
    let photos = try photos(2)
    for (name, text) in [
      ("log.jsonl", "{\"event\":\"boot\"}\n"), ("log.jsonl", "not json\n{\"step\":1}\n"),
      ("validation.jsonl", "[1]\n"), ("model/config.json", "{}"),
    ] {
      let output = try TemporaryFolder()
      let file = output / name
      try FileManager.default.createDirectory(
        atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      let text = message { try trainer(TinyStage(), recipe(), photos, output.path) }
      #expect(text.contains(output.path) && text.contains("exists already"), "\(text)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).count == 1)
    }
    // Files of a run that was killed before its first checkpoint are accepted.
    let output = try TemporaryFolder()
    try Data("{\"step\":1,\"loss\":{\"a\":1}}\n{\"step\":2,\"lo".utf8)
      .write(to: URL(fileURLWithPath: output / "log.jsonl"))
    #expect(try trainer(TinyStage(), recipe(), photos, output.path).run() == .finished(step: 4))
    #expect(try losses(output.path).count == 4)
  }

  @Test func otherRecipesAndOtherDataAreRefused() throws {
    let (photos, others, output) = (try photos(2), try photos(3), try TemporaryFolder())
    _ = try trainer(TinyStage(), recipe(), photos, output.path).run()
    // Details may change.
    _ = try trainer(
      TinyStage(),
      recipe("checkpoint_minutes: 3").replacing("checkpoint_every: 2", "checkpoint_every: 4"),
      photos, output.path)

    let longer = message { try trainer(TinyStage(), recipe(steps: 6), photos, output.path) }
    #expect(longer.contains("at step 4") && longer.contains("(steps is 6, was 4)"), "\(longer)")
    let data = message { try trainer(TinyStage(), recipe(), others, output.path) }
    #expect(data.contains("the data hold 3 pictures, held 2"), "\(data)")
    let renamed = try TemporaryFolder()
    for kind in 0..<2 { try wave(32, 32, kind: kind).write(to: renamed / "p\(kind).png") }
    #expect(
      message { try trainer(TinyStage(), recipe(), renamed, output.path) }.contains(
        "other pictures"))

    let moved = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: photos.path, toPath: moved / "photos")
    _ = try trainer(TinyStage(), recipe(), [DataFolder(path: moved / "photos")], output.path)

    do {
      let accepted = try trainer(
        TinyStage(), recipe(steps: 6), others, output.path, acceptsChanges: true)
      #expect(try accepted.run() == .finished(step: 6))
    }
    // The run now has the changed inputs.
    #expect(
      try trainer(TinyStage(), recipe(steps: 6), others, output.path).run() == .finished(step: 6))
  }

  @Test func anotherStartIsRefused() throws {
    let (photos, output) = (try photos(2), try TemporaryFolder())
    for name in ["a", "b"] {
      try Data("weights \(name)".utf8).write(to: URL(fileURLWithPath: output / name))
    }
    func start(_ initial: String?) throws -> Trainer {
      let recipe = try recipe()
      let source = try makeTrainingSource(
        [DataFolder(path: photos.path)], settings: recipe.settings.data, scale: 4, seed: 1
      ) { _ in }
      return try Trainer(
        TinyStage(), recipe: recipe, source: source, validation: nil, output: output / "run",
        initial: initial, isSilent: true)
    }
    _ = try start(output / "a").run()
    _ = try start(output / "a")
    #expect(message { try start(output / "b") }.contains("the initial model has other weights"))
    #expect(message { try start(nil) }.contains("the initial model is absent, was given"))
  }

  /// Runs of versions that wrote no inputs.json and gave the model's scale twice.
  @Test func runsOfEarlierVersionsGoOn() throws {
    let (photos, output) = (try photos(2), try TemporaryFolder())
    let model = "model: {tokenizer: {trunk: {channels: 8"
    let before = try recipe(model + ", scale: 4}}}")
    #expect(
      try trainer(TinyStage(), before, photos, output.path, stopAfter: 2).run()
        == .interrupted(step: 2))
    try FileManager.default.removeItem(atPath: output / RunInputs.file)
    #expect(
      try trainer(TinyStage(), before, photos, output.path, stopAfter: 1).run()
        == .interrupted(step: 3))
    try FileManager.default.removeItem(atPath: output / RunInputs.file)
    let after = try recipe(model + "}}}")
    #expect(try trainer(TinyStage(), after, photos, output.path).run() == .finished(step: 4))
    #expect(try losses(output.path).count == 4)
  }

  /// The request to stop is noticed while waiting for the first batch, which never comes.
  @Test func stoppingDoesNotWaitForData() throws {
    struct Endless: TrainingSource {
      let count = 1
      let pixels = 1
      let hasTeacher = false
      let fingerprint: UInt64 = 0
      func pair(_ index: Int) throws -> TrainingPair {
        while true { Thread.sleep(forTimeInterval: 60) }
      }
    }
    let output = try TemporaryFolder()
    var questions = 0
    let trainer = try Trainer(
      TinyStage(), recipe: try recipe(), source: Endless(), validation: nil, output: output / "run",
      isSilent: true
    ) { _ in
      questions += 1
      return questions == 3
    }
    #expect(try trainer.run() == .interrupted(step: 0))
    #expect(CheckpointFolder(run: output / "run").steps.isEmpty)
  }
}
