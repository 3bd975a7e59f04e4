import Degradations
import Foundation
import TestSupport
import Testing
import Torch

@testable import Training

/// The values of recipes: ranges, choices, degradations, scales, mutants.
@Suite struct RecipeValuesTests {
  private static let text = """
    stage: tokenizer
    steps: 3
    batch: 2
    learning_rate: 1e-3
    decay: {shape: linear, to: 0.1, over: 0.4}
    optimizer: {beta1: 0.9, beta2: 0.97, weight_decay: 0}
    data:
      crop: 64
      degradation: mix
      mix: {full: 0.5, light: 0.5, bicubic: 0}
      light: {blur_sigma: [0.2, 2], kernel_prob: [1, 0, 0, 0, 0, 0], jpeg_range: [50, 90]}
    model:
      name: tiny
      schedule: [1, 2, 4]
      tokenizer: {latent_channels: 8, base_channels: 16, channel_multipliers: [1, 2], residual_blocks: 1,
        stem_patch: 4, normalization: channel, trunk: {channels: 16, convolutions: 2, join: 1}}
    loss: {labels: teacher, code_dropout: 0.1, picture: {l1: 1, vgg: {weight: 0, window: 64}}}
    """

  /// Reads everything that a run of the stage reads, without making weights.
  private func read(_ text: String) throws {
    let recipe = try TrainingRecipe(text: text, file: "r.yaml")
    let start = try StageStart(recipe: recipe, from: nil, policy: .float32)
    _ = try start.describedConfiguration()
    _ = try recipe.section("loss", defaults: TokenizerStage.LossSection()) {
      try $0.validate($1, crop: recipe.settings.data.crop)
    }
  }

  private func problem(_ old: String, _ new: String) -> String {
    #expect(Self.text.contains(old))
    do {
      try read(Self.text.replacingOccurrences(of: old, with: new))
      return ""
    } catch { return "\(error)" }
  }

  @Test func ranges() {
    #expect(problem("steps: 3", "steps: 4") == "")
    for (old, new, expected) in [
      ("1e-3", ".nan", "'learning_rate' is nan; "),
      ("1e-3", "1e300", "'learning_rate' is 1e+300; "),
      ("steps: 3", "hours: .inf", "'hours' is inf; "),
      ("steps: 3", "steps: -1", "'steps' is -1; 1 to"),
      ("batch: 2", "batch: 1e9", "'batch' is not a whole number"),
      ("beta1: 0.9", "beta1: 1", "'optimizer.beta1' is 1; "),
      ("weight_decay: 0", "weight_decay: -.inf", "'optimizer.weight_decay' is -inf; "),
      ("full: 0.5", "full: -1", "'data.mix.full' is -1; "),
      ("{full: 0.5, light: 0.5,", "{full: 0, light: 0,", "'data.mix' has no share above 0"),
      ("schedule: [1, 2, 4]", "schedule: []", "'model.schedule' has 0 elements"),
      ("schedule: [1, 2, 4]", "schedule: [1, -2]", "'model.schedule.1' is -2; "),
      ("schedule: [1, 2, 4]", "schedule: [1, 1000000000]", "'model.schedule.1' is 1000000000; "),
      ("stem_patch: 4", "stem_patch: 0", "'model.tokenizer.stem_patch' is 0; "),
      ("convolutions: 2", "convolutions: -1", "'model.tokenizer.trunk.convolutions' is -1; "),
      (
        "latent_channels: 8", "latent_channels: 8589934592",
        "'model.tokenizer.latent_channels' is 85"
      ),
      ("name: tiny", "scale: 3", "'model.tokenizer.downsampling' is 8; cells have to be whole"),
      ("l1: 1", "l1: .inf", "'loss.picture.l1' is inf; "),
      ("weight: 0,", "weight: -1,", "'loss.picture.vgg.weight' is -1; "),
      ("window: 64", "window: 8", "'loss.picture.vgg.window' is 8; 0 or at least 32"),
      ("window: 64", "zoom_share: 2", "'loss.picture.vgg.zoom_share' is 2; 0 to 1 are allowed"),
      ("l1: 1", "projected: {from: -1}", "'loss.picture.projected.from' is -1; "),
      (
        "l1: 1", "projected: {weight: 1}",
        "'loss.picture.projected.weight' is 1.0, but it needs VGG's activations"
      ),
      (
        "l1: 1, vgg: {weight: 0", "adversarial: 1, projected: {weight: 1}, vgg: {weight: 1",
        "'loss.picture.projected.weight' is 1.0 and 'adversarial' is 1.0; one of them"
      ),
      (
        "degradation: mix", "grain: {noise: [9, 3]}",
        "'data.grain.noise' is [9.0, 3.0]; expected: [smallest, largest]"
      ),
      ("degradation: mix", "grain: {jpeg_probability: 2}", "'data.grain.jpeg_probability' is 2; "),
      ("code_dropout: 0.1", "code_dropout: 2", "'loss.code_dropout' is 2; 0 to 1 are allowed"),
      ("crop: 64", "crop: 66", "'data.crop' is 66; low-quality pictures are 4 times smaller"),
    ] {
      let text = problem(old, new)
      #expect(text.hasPrefix("r.yaml: " + expected), "\(new): \(text)")
    }
  }

  @Test func choicesAndKeys() {
    for (old, new, expected) in [
      (
        "degradation: mix", "degradation: ful",
        "'data.degradation' is 'ful'; full, light, bicubic, grain or mix are allowed"
      ),
      (
        "shape: linear", "shape: line",
        "'decay.shape' is 'line'; constant, linear or cosine are allowed"
      ),
      ("labels: teacher", "labels: me", "'loss.labels' is 'me'; original or teacher are allowed"),
      (
        "normalization: channel", "normalization: batch",
        "'model.tokenizer.normalization' is 'batch'; group or channel are allowed"
      ),
      (
        "convolutions: 2", "convolution: 2",
        "unknown key 'model.tokenizer.trunk.convolution'; did you mean 'convolutions'?"
      ),
      (
        "l1: 1", "projected: {wight: 1}",
        "unknown key 'loss.picture.projected.wight'; did you mean 'weight'?"
      ),
      (
        "blur_sigma", "blur_sigmas",
        "unknown key 'data.light.blur_sigmas'; did you mean 'blur_sigma'?"
      ),
      ("[50, 90]", "[50, 100]", "'data.light.jpeg_range.1' is 100; 1 to 99.9 are allowed"),
      (
        "[0.2, 2]", "[2, 0.2]",
        "'data.light.blur_sigma' is [2.0, 0.2]; expected: [smallest, largest]"
      ),
      ("[1, 0, 0, 0, 0, 0]", "[1, 0]", "'data.light.kernel_prob' has 2 elements; 6 are allowed"),
      ("[1, 0, 0, 0, 0, 0]", "[.nan, 0, 0, 0, 0, 0]", "'data.light.kernel_prob.0' is nan; "),
    ] {
      let text = problem(old, new)
      #expect(text.hasPrefix("r.yaml: " + expected), "\(new): \(text)")
    }
    let stage = #expect(throws: TrainingError.self) {
      try makeStage(TrainingRecipe(text: "{stage: decode, steps: 1}", file: "r.yaml"), from: nil)
    }
    #expect(
      "\(stage!)"
        == "r.yaml: 'stage' is 'decode'; there are: tokenizer, transformer, stage1, stage2, decoder, "
        + "distillation"
    )
  }

  @Test func degradationsAreRead() throws {
    let data = try TrainingRecipe(text: Self.text).settings.data
    var light = DegradationConfiguration.light
    light.first.blurSigma = 0.2...2
    light.first.kernelProbabilities = [1, 0, 0, 0, 0, 0]
    light.first.jpegRange = 50...90
    #expect(data.light == light && data.full == DegradationConfiguration())

    let both = try TrainingRecipe(
      text:
        "{stage: a, steps: 1, data: {light: {second_order: true, jpeg_range2: [40, 60]}, full: {second_order: false}}}"
    ).settings.data
    #expect(both.light.second?.jpegRange == 40...60 && both.full.second == nil)
    #expect(both.light.first.jpegRange == DegradationConfiguration.light.first.jpegRange)
  }

  /// The recipes that come with the project.
  @Test func shippedRecipes() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Recipes")
    for group in ["attempts", "base", "future", "nano", "published"] {
      let folder = root.appendingPathComponent(group).path
      for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        let recipe = try TrainingRecipe(file: folder + "/" + name)
        switch recipe.settings.stage {
        case "decoder":
          _ = try recipe.section("loss", defaults: DecoderStage.LossSection()) {
            try $0.validate($1, crop: recipe.settings.data.crop)
          }
        case "transformer", "stage2":
          _ = try recipe.section("loss", defaults: TransformerStage.LossSection()) {
            try $0.validate($1)
          }
        case "distillation":
          _ = try recipe.section("loss", defaults: DistillationStage.LossSection()) {
            try $0.validate($1)
          }
        default: break
        }
      }
    }
  }

  /// The recipe's values affect the pictures.
  @Test func degradationsAreUsed() throws {
    let folder = try photos(1, width: 64, height: 64)
    func low(_ degradation: String) throws -> [Float] {
      let recipe = try TrainingRecipe(
        text:
          "{stage: a, steps: 1, data: {crop: 32, degradation: light, flat_threshold: 0, \(degradation)}}"
      )
      return try PhotoDataset(
        folder: folder.path, settings: recipe.settings.data, scale: 4, seed: 1
      ) { _ in }.pair(0).lowQuality
    }
    #expect(try low("light: {}") == low("light: {jpeg_range: [60, 95]}"))
    #expect(try low("light: {}") != low("light: {jpeg_range: [5, 6]}"))
    #expect(try low("light: {}") == low("full: {jpeg_range: [5, 6]}"))
  }

  @Test(arguments: [1, 2, 4, 8])
  func otherScales(_ scale: Int) throws {
    let folder = try photos(1, width: 64, height: 64)
    for kind in [DataSettings.Degradation.full, .bicubic] {
      let chosen = settings {
        $0.degradation = kind
        $0.validationCrop = 48
      }
      let pair = try PhotoDataset(folder: folder.path, settings: chosen, scale: scale, seed: 1) {
        _ in
      }
      .pair(0)
      #expect(pair.scale == scale && pair.lowQuality.count == 3 * (32 / scale) * (32 / scale))
      let validation = try ValidationSet(folder: folder.path, settings: chosen, scale: scale) { _ in
      }
      #expect(validation.batches[0].lowQuality.shape == [1, 3, 48 / scale, 48 / scale])
    }
    let pairs = try TemporaryFolder()
    for (name, side) in [("hr", 64), ("lr", 64 / scale)] {
      try FileManager.default.createDirectory(
        atPath: pairs / name, withIntermediateDirectories: true)
      try wave(side, side, kind: 1).write(to: pairs / "\(name)/a.png")
    }
    let pair = try PairDataset(folder: pairs.path, settings: settings(), scale: scale, seed: 1) {
      _ in
    }
    .pair(0)
    #expect(pair.lowQuality.count == 3 * (32 / scale) * (32 / scale))
  }

  /// Mutants of a recipe: an error that names the file, or settings that make sense.
  @Test func mutants() {
    var mutator = Mutator(seed: 3)
    var accepted = 0
    for _ in 0..<Mutator.count(500) {
      let text = mutator.mutant(of: Self.text)
      do {
        try read(text)
        accepted += 1
      } catch let error as TrainingError {
        let message = "\(error)"
        #expect(message.hasPrefix("r.yaml: ") && !message.contains("\n"), "\(message)")
      } catch {
        Issue.record("\(type(of: error)): \(error)\n\(text)")
      }
    }
    #expect(accepted > 20)
  }
}
