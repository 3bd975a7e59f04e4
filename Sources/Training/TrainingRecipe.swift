import Foundation
import Settings
import Torch
import YAMLSettings
import Yams

/// How a model is trained, read from a YAML file. Every key has a default except `stage` and one of
/// `steps` and `hours`; a key that does not exist is an error. The sections `model` and `loss`
/// belong to the stage, which reads them with `section`.
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
    /// Hours of training (over all resumed runs), after which it ends; the learning rate then
    /// decays by time where that is further advanced, so that such a run is not reproducible to the
    /// bit.
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
    /// Of matrix products and convolutions; weights and updates are float32. The command line may
    /// say otherwise.
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
    public enum Shape: String, CaseIterable, Codable, Sendable { case constant, linear, cosine }
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
  let sections: [String: Node]
  private static let stageSections = ["model", "loss"]

  /// - Throws: `TrainingError.recipe` where the file is missing, is no YAML, or holds a wrong key
  ///   or value.
  public init(file path: String) throws {
    let data: Data?
    do {
      data = try SettingsFile.contents(path)
    } catch let problem as SettingsProblem {
      throw TrainingError.recipe(file: path, problem: problem.description)
    }
    guard let text = data.flatMap({ String(data: $0, encoding: .utf8) }) else {
      throw TrainingError.recipe(file: path, problem: "no such recipe, or it is not text")
    }
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
    try checking { try settings.validate($0) }
  }

  /// A section of the stage ("model" or "loss") as the stage's own configuration.
  /// - Parameters:
  ///   - defaults: the values of keys that the section does not give.
  ///   - validate: checks the values.
  /// - Throws: `TrainingError.recipe` naming a wrong key or value.
  public func section<Value: Codable>(
    _ name: String, defaults: Value,
    validate: (Value, SettingsCheck) throws -> Void = { _, _ in }
  ) throws -> Value {
    precondition(TrainingRecipe.stageSections.contains(name), "recipes have no section '\(name)'")
    let value = try TrainingRecipe.decoding(file)
      .decode(sections[name], path: name, defaults: defaults)
    try checking { try validate(value, $0 / name) }
    return value
  }

  /// Runs `body`, which checks settings of this recipe.
  /// - Throws: `TrainingError.recipe` in place of a `ConfigurationError`.
  func checking(_ body: (SettingsCheck) throws -> Void) throws {
    do {
      // A recipe's network is of the kind that is trained, and its section does not name it.
      try body(SettingsCheck { $0 == "convolutional" ? "" : snakeCased($0) })
    } catch let error as ConfigurationError {
      throw TrainingError.recipe(file: file, problem: error.description)
    }
  }

  private static func decoding(_ file: String) -> SettingsDecoding {
    SettingsDecoding { TrainingError.recipe(file: file, problem: $0) }
  }
}
