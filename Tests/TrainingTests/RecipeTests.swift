import Foundation
import Testing
import Torch

@testable import Training

@Suite struct RecipeTests {
  private struct Model: Codable, Equatable {
    struct Nested: Codable, Equatable { var depth = 2 }
    var width = 8
    var nested = Nested()
    var limit: Double?
    var weights: [String: Double] = ["l1": 1]
  }

  private func problem(_ text: String) -> String {
    do {
      _ = try TrainingRecipe(text: text, file: "r.yaml")
      return ""
    } catch { return "\(error)" }
  }

  @Test func valuesAndDefaults() throws {
    let recipe = try TrainingRecipe(
      text: """
        stage: tokenizer
        steps: 100
        learning_rate: 1e-4
        gradient_clip: null
        optimizer: {beta2: 0.9, weight_decay: 0}
        learning_rates: {discriminator: 0.001}
        precision: float32
        data: {crop: 64, degradation: mix, mix: {full: 1}}
        """)
    let settings = recipe.settings
    #expect(settings.stage == "tokenizer" && settings.steps == 100 && settings.hours == nil)
    #expect(settings.learningRate == 1e-4 && settings.learningRates == ["discriminator": 0.001])
    #expect(settings.gradientClip == nil && settings.precision == .float32)
    #expect(settings.optimizer.beta2 == 0.9 && settings.optimizer.beta1 == 0.9)
    #expect(settings.optimizer.weightDecay == 0)
    #expect(
      settings.data.crop == 64 && settings.data.mix.full == 1 && settings.data.mix.light == 0.2)
  }

  @Test func sectionsOfTheStage() throws {
    let recipe = try TrainingRecipe(
      text: "{stage: a, steps: 1, model: {nested: {depth: 5}, limit: 2, weights: {own: 3}}}")
    let model = try recipe.section("model", defaults: Model())
    #expect(model.nested.depth == 5 && model.width == 8 && model.limit == 2)
    #expect(model.weights == ["own": 3])
    let wrong = try TrainingRecipe(
      text: "{stage: a, steps: 1, model: {nested: {deep: 5}}}", file: "r.yaml")
    let error = #expect(throws: TrainingError.self) {
      try wrong.section("model", defaults: Model())
    }
    #expect("\(error!)" == "r.yaml: unknown key 'model.nested.deep'; the keys here are: depth")
  }

  @Test func mistakesAreNamed() {
    #expect(problem("{stage: a, steps: 1, learning_rat: 2}").contains("unknown key 'learning_rat'"))
    #expect(problem("{stage: a, steps: 1, data: {cropp: 2}}").contains("unknown key 'data.cropp'"))
    #expect(problem("{stage: a, steps: x}").contains("'steps' is not a"))
    #expect(problem("{stage: a, steps: 1, data: {crop: x}}").contains("'data.crop' is not a"))
    #expect(problem("{stage: a, steps: 1, data: 3}").contains("'data' has to be a section"))
    #expect(problem("{stage: a, steps: 1, precision: f8}").contains("precision"))
    #expect(problem("{stage: a, steps: 1, precision: int8}").contains("no gradients"))
    #expect(problem("{steps: 1}").contains("'stage' is missing"))
    #expect(problem("{stage: a}").contains("'steps' or 'hours'"))
    #expect(problem("{stage: a, steps: 1, data: {crop: 8}}").contains("'data.crop' is 8; 16 to"))
    #expect(problem("{stage: a, steps: 1, ema_decay: 1}").contains("'ema_decay'"))
    #expect(problem("stage: [").contains("not valid YAML"))
    #expect(problem("").contains("stage: NAME"))
  }

  @Test func learningRateSchedule() throws {
    var settings = TrainingRecipe.Settings()
    settings.warmup = 10
    settings.decay.to = 0.2
    #expect(settings.scheduleFactor(step: 5, progress: 0) == 0.5)
    #expect(abs(settings.scheduleFactor(step: 50, progress: 0.5) - 0.6) < 1e-12)
    #expect(abs(settings.scheduleFactor(step: 99, progress: 1) - 0.2) < 1e-12)
    settings.decay.over = 0.5
    #expect(settings.scheduleFactor(step: 50, progress: 0.5) == 1)
    settings.decay.shape = .cosine
    #expect(abs(settings.scheduleFactor(step: 50, progress: 0.75) - 0.6) < 1e-12)
    settings.decay.shape = .constant
    #expect(settings.scheduleFactor(step: 50, progress: 1) == 1)
  }

  @Test func differencesOfTheModel() throws {
    let a = try TrainingRecipe(text: "{stage: a, steps: 1, model: {width: 4, max_depth: 2}}")
    let b = try TrainingRecipe(text: "{stage: a, steps: 2, model: {width: 8, maxDepth: 2}}")
    #expect(b.modelDifferences(from: a) == ["model.width is 8, was 4"])
    #expect(b.otherDifferences(from: a).changes == ["steps is 2, was 1"])
  }
}
