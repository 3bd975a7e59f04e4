import Foundation
import Torch
import YAMLSettings
import Yams

/// How a model is trained, read from a YAML file. Every key has a default except `stage` and one of `steps`
/// and `hours`; a key that does not exist is an error. The sections `model` and `loss` belong to the stage,
/// which reads them with `section`.
///
/// ```yaml
/// stage: tokenizer
/// steps: 20000
/// batch: 8
/// learning_rate: 0.0003
/// data: {crop: 256, degradation: full}
/// model: {width: 64}
/// ```
public struct TrainingRecipe {
  /// The keys outside of the stage's sections.
  public struct Settings: Codable, Equatable, Sendable {
    /// What is trained; `makeStage` knows the names.
    public var stage = ""
    /// Updates, after which training ends.
    public var steps: Int?
    /// Hours of training (over all resumed runs), after which it ends; the learning rate then decays by
    /// time where that is further advanced, so that such a run is not reproducible to the bit.
    public var hours: Double?
    /// Samples per backward pass.
    public var batch = 8
    /// Backward passes per update.
    public var accumulation = 1
    public var learningRate = 3e-4
    /// Learning rates of groups other than `learning_rate`, by name.
    public var learningRates: [String: Double] = [:]
    /// Updates over which the learning rate rises linearly from 0.
    public var warmup = 100
    public var decay = Decay()
    public var optimizer = AdamW.Configuration()
    /// Largest L2 norm of a group's gradients; absent: no clipping.
    public var gradientClip: Double? = 1
    public var emaDecay = 0.999
    /// Of matrix products and convolutions; weights and updates are float32. The command line may say
    /// otherwise.
    public var precision = Precision.auto
    public var seed: UInt64 = 1
    /// Updates between validations, previews and checkpoints; 0: only at the end.
    public var validationEvery = 1000
    public var previewEvery = 1000
    public var checkpointEvery = 1000
    /// Minutes after which a checkpoint is written anyway; 0: never.
    public var checkpointMinutes = 10.0
    public var data = DataSettings()

    public init() {}
  }

  /// How the learning rate falls after the warm-up.
  public struct Decay: Codable, Equatable, Sendable {
    public enum Shape: String, Codable, Sendable { case constant, linear, cosine }
    public var shape = Shape.linear
    /// What is left at the end, as a fraction of the highest learning rate.
    public var to = 0.1
    /// The fraction of the run during which it falls: 1 from the warm-up on, 0.2 the last fifth.
    public var over = 1.0

    public init() {}
  }

  public var settings: Settings
  /// The file's text, which checkpoints keep.
  public let text: String
  /// The file's name, for messages.
  public let file: String
  private let sections: [String: Node]
  private static let stageSections = ["model", "loss"]

  /// - Throws: `TrainingError.recipe` where the file is missing, is no YAML, or holds a wrong key or value.
  public init(file path: String) throws {
    guard let data = FileManager.default.contents(atPath: path),
      let text = String(data: data, encoding: .utf8)
    else { throw TrainingError.recipe(file: path, problem: "no such recipe, or it is not text") }
    try self.init(text: text, file: path)
  }

  public init(text: String, file: String = "recipe") throws {
    self.text = text
    self.file = file
    let decoding = TrainingRecipe.decoding(file)
    var mapping = try decoding.mapping(of: text, example: "a recipe starts with 'stage: NAME'")
    var sections: [String: Node] = [:]
    for name in TrainingRecipe.stageSections {
      sections[name] = mapping[Node(name)]
      mapping[Node(name)] = nil
    }
    self.sections = sections
    settings = try decoding.decode(
      .mapping(mapping), path: "", defaults: Settings(), siblings: TrainingRecipe.stageSections)
    try check()
  }

  /// A section of the stage ("model" or "loss") as the stage's own configuration.
  /// - Parameter defaults: the values of keys that the section does not give.
  /// - Throws: `TrainingError.recipe` naming a wrong key or value.
  public func section<Value: Codable>(_ name: String, defaults: Value) throws -> Value {
    precondition(TrainingRecipe.stageSections.contains(name), "recipes have no section '\(name)'")
    return try TrainingRecipe.decoding(file)
      .decode(sections[name], path: name, defaults: defaults)
  }

  private static func decoding(_ file: String) -> SettingsDecoding {
    SettingsDecoding { TrainingError.recipe(file: file, problem: $0) }
  }

  /// What differs from another recipe in the stage or in the model: "model.width is 64, was 32".
  func modelDifferences(from earlier: TrainingRecipe) -> [String] {
    differences(
      ["stage": settings.stage].merging(flattened(sections["model"], "model")) { $1 },
      ["stage": earlier.settings.stage]
        .merging(flattened(earlier.sections["model"], "model")) { $1 })
  }

  /// What differs in everything else.
  func otherDifferences(from earlier: TrainingRecipe) -> [String] {
    func values(_ recipe: TrainingRecipe) -> [String: String] {
      flattened(try? Yams.compose(yaml: recipe.text)).filter { !$0.key.hasPrefix("model") }
    }
    return differences(values(self), values(earlier))
  }

  private func differences(_ new: [String: String], _ old: [String: String]) -> [String] {
    Set(new.keys).union(old.keys).sorted().filter { new[$0] != old[$0] }.map {
      "\(snakeCased($0)) is \(new[$0] ?? "absent"), was \(old[$0] ?? "absent")"
    }
  }

  private func check() throws {
    func demand(_ condition: Bool, _ problem: String) throws {
      if !condition { throw TrainingError.recipe(file: file, problem: problem) }
    }
    let s = settings
    try demand(!s.stage.isEmpty, "'stage' is missing")
    try demand(s.steps != nil || s.hours != nil, "give 'steps' or 'hours'")
    try demand(s.steps.map { $0 > 0 } ?? true, "'steps' has to be positive")
    try demand(s.hours.map { $0 > 0 } ?? true, "'hours' has to be positive")
    try demand(s.batch > 0 && s.accumulation > 0, "'batch' and 'accumulation' have to be positive")
    try demand(s.learningRate > 0, "'learning_rate' has to be positive")
    try demand(s.learningRates.values.allSatisfy { $0 > 0 }, "'learning_rates' have to be positive")
    try demand(
      s.precision != .int8, "'precision' is auto, float32 or bfloat16: int8 has no gradients")
    try demand(s.warmup >= 0, "'warmup' must not be negative")
    try demand((0...1).contains(s.decay.to), "'decay.to' has to be in 0...1")
    try demand(s.decay.over > 0 && s.decay.over <= 1, "'decay.over' has to be in (0, 1]")
    try demand(s.gradientClip.map { $0 > 0 } ?? true, "'gradient_clip' has to be positive")
    try demand(s.emaDecay >= 0 && s.emaDecay < 1, "'ema_decay' has to be in [0, 1)")
    try demand(
      min(s.validationEvery, s.previewEvery, s.checkpointEvery) >= 0 && s.checkpointMinutes >= 0,
      "'validation_every', 'preview_every', 'checkpoint_every' and 'checkpoint_minutes' must not be negative"
    )
    if let problem = s.data.problem { throw TrainingError.recipe(file: file, problem: problem) }
  }
}

extension TrainingRecipe.Settings {
  /// The factor on the learning rate of update `step` (from 1), `progress` in 0...1 of the run being done.
  func scheduleFactor(step: Int, progress: Double) -> Double {
    let rise = warmup > 0 ? min(Double(step) / Double(warmup), 1) : 1
    let fall = min(max((progress - (1 - decay.over)) / decay.over, 0), 1)
    switch decay.shape {
    case .constant: return rise
    case .linear: return rise * (1 - (1 - decay.to) * fall)
    case .cosine: return rise * (decay.to + (1 - decay.to) * (1 + cos(.pi * fall)) / 2)
    }
  }
}
