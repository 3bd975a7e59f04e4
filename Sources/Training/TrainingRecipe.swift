import Foundation
import Settings
import Torch
import YAMLSettings
import Yams

/// A training recipe, read from a YAML file. Every key has a default except `stage` and one of
/// `steps` and `hours`; unknown keys are errors. The sections `model` and `loss` belong to the
/// stage, which reads them with `section`.
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
  /// The keys outside the stage's sections.
  public struct Settings: Codable, Equatable, Sendable {
    /// The name of the stage; see `StageName`.
    public var stage = ""
    /// The number of updates after which training ends.
    public var steps: Int?
    /// The hours of training, over all resumed runs, after which it ends. The learning rate then
    /// follows the time where that is further advanced, so that such a run is not reproducible bit
    /// for bit.
    public var hours: Double?
    /// The number of samples per backward pass.
    public var batch = 8
    /// The number of backward passes per update.
    public var accumulation = 1
    public var learningRate = 3e-4
    /// The learning rates of groups that differ from `learning_rate`, by name.
    public var learningRates: [String: Double] = [:]
    /// The number of updates over which the learning rate rises linearly from 0.
    public var warmup = 100
    public var decay = Decay()
    public var optimizer = AdamW.Configuration()
    /// The largest L2 norm of a group's gradients; absent for no clipping.
    public var gradientClip: Double? = 1
    public var emaDecay = 0.999
    /// The precision of matrix products and convolutions; weights and updates are float32. The
    /// command line may override it.
    public var precision = Precision.auto
    /// Recomputation and sharding over ranks, which save memory.
    public var memory = MemorySettings()
    public var seed: UInt64 = 1
    /// The number of updates between validations, previews and checkpoints; 0 for only at the end.
    public var validationEvery = 1000
    public var previewEvery = 1000
    public var checkpointEvery = 1000
    /// The minutes after which a checkpoint is written in any case; 0 for never.
    public var checkpointMinutes = 10.0
    public var data = DataSettings()

    public init() {}
  }

  /// The decay of the learning rate after the warm-up.
  public struct Decay: Codable, Equatable, Sendable {
    public enum Shape: String, CaseIterable, Codable, Sendable { case constant, linear, cosine }
    public var shape = Shape.linear
    /// The final learning rate as a fraction of the highest one.
    public var to = 0.1
    /// The final fraction of the run during which the rate decays: 1 for all of it after the
    /// warm-up, 0.2 for the last fifth.
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

  /// - Throws: `TrainingError.recipe` where the file is missing, is not YAML, or holds an invalid
  ///   key or value.
  public init(file path: String) throws {
    let data: Data?
    do {
      data = try SettingsFile.contents(path)
    } catch let problem as SettingsProblem {
      throw TrainingError.recipe(file: path, problem: problem.description)
    }
    guard let text = data.flatMap({ String(data: $0, encoding: .utf8) }) else {
      throw TrainingError.recipe(file: path, problem: "no such recipe, or it is not a text file")
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

  /// Decodes a section of the stage ("model" or "loss") as the stage's configuration.
  /// - Parameters:
  ///   - defaults: the values of keys that the section does not give.
  ///   - validate: checks the values.
  /// - Throws: `TrainingError.recipe`, naming an invalid key or value.
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
      // The kind of network is implied by the stage; a recipe's section does not name it.
      try body(SettingsCheck { $0 == "convolutional" ? "" : snakeCased($0) })
    } catch let error as ConfigurationError {
      throw TrainingError.recipe(file: file, problem: error.description)
    }
  }

  private static func decoding(_ file: String) -> SettingsDecoding {
    SettingsDecoding { TrainingError.recipe(file: file, problem: $0) }
  }
}
