import Foundation
import ModelTestSupport
import NSARM
import Prompts
import TestSupport
import Testing
import Torch

@testable import Training

/// Training of a transformer that is conditioned on text.
@Suite struct CaptionTests {
  private let scratch = try! TemporaryFolder()
  private var captions: String { scratch / "captions.jsonl" }

  /// A tiny model whose only information about a picture is its caption.
  private func model(encoder: Bool = true) throws -> String {
    var configuration = TinyModel.textConfiguration
    configuration.schedule = [1, 2, 4].map { GridSize($0, $0) }
    configuration.rotaryReference = GridSize(4, 4)
    configuration.transformationNetwork = nil
    let path = try TinyModel.write(configuration, in: scratch.path)
    if encoder { try TinyTextEncoder.write(to: path + "/text-encoder") }
    return path
  }

  private func photos(_ count: Int, captioned: Int? = nil) throws -> TemporaryFolder {
    let folder = try TrainingTests.photos(count, width: 64, height: 64)
    let lines = (0..<(captioned ?? count)).map {
      #"{"image_path": "photo\#($0).png", "long_caption": "\#(text($0))"}"#
    }
    try lines.joined(separator: "\n").write(toFile: captions, atomically: true, encoding: .utf8)
    return folder
  }

  private func text(_ index: Int) -> String {
    ["A stone bridge.", "A red bicycle.", "A bowl of fruit, seen from above.", "A cat."][index % 4]
  }

  private func recipe(_ steps: Int, data: String = "", rate: Double = 0.003) throws
    -> TrainingRecipe
  {
    try TrainingRecipe(
      text: """
        stage: transformer
        steps: \(steps)
        batch: 4
        learning_rate: \(rate)
        warmup: 5
        precision: float32
        ema_decay: 0.9
        validation_every: 0
        preview_every: 0
        checkpoint_every: 0
        optimizer: {weight_decay: 0}
        data: {crop: 64, validation_crop: 64, flips: false, degradation: bicubic, flat_threshold: 0\(data)}
        loss: {self_correction: {maximum: 0}}
        """)
  }

  private func withCaptions(_ dropout: Double) -> String {
    ", captions: \"\(captions)\", caption_dropout: \(dropout)"
  }

  private func source(_ settings: DataSettings, _ photos: TemporaryFolder) throws -> PhotoDataset {
    try PhotoDataset(folder: photos.path, settings: settings, scale: 4, seed: 1) { _ in }
  }

  @Test func aModelLearnsWhatItsCaptionsSay() throws {
    let photos = try photos(4)
    let start = try model()
    func lastLoss(_ data: String, _ name: String) throws -> Double {
      let recipe = try recipe(100, data: data)
      let stage = try makeStage(recipe, from: start)
      _ = try trainer(stage, recipe, photos, scratch / name).run()
      let losses = try losses(scratch / name, of: "transformer")
      #expect(losses.last! < losses[0])
      return losses.suffix(10).reduce(0, +) / 10
    }
    let told = try lastLoss(withCaptions(0), "told")
    let untold = try lastLoss("", "untold")
    #expect(told < 0.6 * untold, "\(told) with captions, \(untold) without")
    let kept = try FileManager.default.contentsOfDirectory(atPath: scratch / "told/captions")
    #expect(kept.count == 4)
    #expect(!FileManager.default.fileExists(atPath: scratch / "untold/captions"))
  }

  @Test func gradientsReachTheTextAndTheNullText() throws {
    let photos = try photos(2)
    for (dropout, isNull) in [(0.0, false), (1.0, true)] {
      let recipe = try recipe(1, data: withCaptions(dropout))
      let stage = try makeStage(recipe, from: try model()) as! TransformerStage
      let source = try source(recipe.settings.data, photos)
      let batch = TrainingBatch(try (0..<4).map { try source.pair($0) })
      #expect(batch.captions.allSatisfy { $0?.isDropped == isNull })
      try stage.prepare(captions: source.captions, in: scratch / "run\(dropout)") { _ in }
      let objective = try stage.objective(batch, step: 1, random: UpdateRandom(seed: 1, step: 1))
      try objective.evaluate().loss.backward()
      func gradient(_ name: String) -> Double {
        stage.model.store["transformer." + name]!.value.gradient?.abs().max().item ?? 0
      }
      for name in ["text_proj_for_sos.ca.mat_kv.weight", "text_proj_for_ca.0.weight"] {
        #expect(gradient(name) > 0, "\(name)")
      }
      #expect((gradient("cfg_uncond") > 0) == isNull)
    }
  }

  @Test func captionsAreDroppedAsOftenAsAskedFor() throws {
    let photos = try photos(3, captioned: 2)
    var settings = settings { $0.flips = false }
    settings.captions = captions
    settings.captionDropout = 0.25
    let source = try source(settings, photos)
    #expect(source.captions == [text(0), text(1)])
    let samples = try (0..<600).map { try source.pair($0).caption }
    let shown = samples.compactMap(\.self)
    #expect((300...500).contains(shown.count))
    let share = Double(shown.count(where: \.isDropped)) / Double(shown.count)
    #expect(abs(share - 0.25) < 0.08, "\(share)")
    // A sample does not depend on the time or order of requests.
    let again = try self.source(settings, photos)
    #expect(try (0..<50).reversed().map { try again.pair($0).caption } == samples[..<50].reversed())
    // With other captions it is a different run with the same pictures.
    settings.captions = nil
    let plain = try self.source(settings, photos)
    #expect(plain.fingerprint != source.fingerprint && plain.captions.isEmpty)
    #expect(try plain.pair(7).highQuality == source.pair(7).highQuality)
    #expect(try plain.pair(7).caption == nil)
  }

  @Test func resumedRunsEqualUninterruptedOnes() throws {
    let photos = try photos(4)
    let start = try model()
    let recipe = try recipe(8, data: withCaptions(0.3))
    func run(_ name: String, stopAfter: Int = .max) throws -> [Double] {
      let stage = try makeStage(recipe, from: start)
      _ = try trainer(stage, recipe, photos, scratch / name, stopAfter: stopAfter).run()
      return try losses(scratch / name, of: "transformer")
    }
    let whole = try run("whole")
    #expect(try run("parts", stopAfter: 3).count == 3)
    #expect(try run("parts") == whole && whole.count == 8)
  }

  /// Not every rank's part of a batch has a dropped caption, so gradients of the null text come
  /// from some ranks only. Ranks that do not see the run's folder encode the captions themselves.
  @Test(.ownThreads) func ranksEqualOneProcess() throws {
    let photos = try photos(4)
    let start = try model()
    let text = try recipe(12, data: withCaptions(0.3)).text
      .replacingOccurrences(of: "{weight_decay: 0}", with: "{weight_decay: 0, epsilon: 0.001}")
    let recipe = try TrainingRecipe(text: text)
    let make: @Sendable (ProcessGroup?) throws -> any TrainingStage = {
      try makeStage(TrainingRecipe(text: text), from: start, group: $0)
    }
    let one = try RankRun(recipe, data: photos.path, output: scratch / "one", stage: make)
    let all = try RankRun.onAll(4, recipe, data: photos.path, output: scratch / "all", stage: make)
    #expect(all.allSatisfy { $0.weights == all[0].weights })
    #expect(all[0].distance(to: one) < 1e-3)
    let series = try ["all", "one"].map { try losses(scratch / $0, of: "transformer") }
    #expect(distance(series[0], series[1]) < 2e-3)
    for folder in ["all", "all-of-another-machine"] {
      let kept = try FileManager.default.contentsOfDirectory(atPath: scratch / "\(folder)/captions")
      #expect(kept.count == 4)
    }
  }

  @Test func mixturesAndValidationKeepCaptions() throws {
    let photos = try photos(2)
    var settings = settings()
    settings.captions = captions
    settings.captionDropout = 1
    let mixture = SourceMixture(
      [(try source(settings, photos), 1), (try source(settings, photos), 2)], seed: 3)
    #expect(mixture.captions == [text(0), text(1)])
    #expect(try mixture.pair(5).caption?.isDropped == true)
    let validation = try ValidationSet(folder: photos.path, settings: settings, scale: 4) { _ in }
    #expect(validation.captions == [text(0), text(1)])
    #expect(
      validation.batches.flatMap(\.captions) == [SampleCaption(text(0)), SampleCaption(text(1))])
    let batch = validation.batches[0].to(.cpu)
    #expect(batch.captions.count == 2 && batch.captions[0] != nil)
  }

  /// Shorter texts are masked, and the null text is as long as the text that it replaces.
  @Test func textsOfABatchArePadded() throws {
    let photos = try photos(4)
    let recipe = try recipe(1, data: withCaptions(0))
    let start = try StageStart(recipe: recipe, from: try model(), policy: .float32)
    let model = try start.model()
    let condition = try #require(TextConditioning(model, start))
    try condition.prepare([text(0), text(2)], in: scratch / "run") { _ in }
    let (features, mask) = try condition([
      SampleCaption(text(0)), SampleCaption(text(2)), SampleCaption(text(0), isDropped: true),
    ])
    let lengths = try #require(mask).to(.int64).sum([1]).values(Int64.self).map(Int.init)
    #expect(features.shape == [3, lengths[1], 128] && lengths[0] < lengths[1])
    #expect(lengths[2] == lengths[0])
    let null = model.transformer!.unconditionalText(length: lengths[0])!
    let dropped = features.narrowed(0, from: 2, count: 1).narrowed(1, from: 0, count: lengths[0])
    #expect((dropped - null).abs().max().item == 0)
    let alone = try condition([nil, nil])
    #expect(alone.features.shape == [2, 128, 128] && alone.mask == nil)
    _ = photos
  }

  @Test func whatIsMissingIsTold() throws {
    let photos = try photos(2)
    func message(_ body: () throws -> some Any) -> String {
      do {
        _ = try body()
        return ""
      } catch { return "\(error)" }
    }
    let recipe = try recipe(2, data: withCaptions(0))
    let stage = try makeStage(recipe, from: try model(encoder: false))
    try? FileManager.default.removeItem(atPath: scratch / "tiny/text-encoder")
    #expect(
      message { try trainer(stage, recipe, photos, scratch / "run").run() }
        .contains("text-encoder: no such folder"))
    let picture = try TinyModel.write(in: scratch / "picture")
    let small = try TrainingRecipe(
      text: recipe.text.replacingOccurrences(of: "crop: 64", with: "crop: 128"))
    #expect(message { try makeStage(small, from: picture) }.contains("not conditioned on text"))
    try "{}".write(toFile: captions, atomically: true, encoding: .utf8)
    #expect(
      message { try source(recipe.settings.data, photos) }.contains("captions.jsonl:1: "))
    for (value, problem) in [("captions: \"\"", "is empty"), ("caption_dropout: 2", "0 to 1")] {
      #expect(message { try self.recipe(1, data: ", " + value) }.contains(problem))
    }
  }
}
