import Checkpoints
import NSARM
import Settings
import Torch

/// The starting point of a stage.
struct StageStart {
  let recipe: TrainingRecipe
  let folder: ModelFolder?
  /// The weights of some or all parameters of the model that the recipe describes.
  let weights: SafetensorsFile?
  let policy: ComputePolicy
  /// Statistics of the samples of all processes that train together.
  let statistics: BatchStatistics

  /// - Parameter path: a model folder or a safetensors file; nil for fresh weights.
  init(
    recipe: TrainingRecipe, from path: String?, policy: ComputePolicy, group: ProcessGroup? = nil
  ) throws {
    self.recipe = recipe
    self.policy = policy
    statistics = BatchStatistics(group: group)
    let isFile = path?.hasSuffix(".safetensors") ?? false
    folder = try isFile ? nil : path.map(ModelFolder.init)
    weights = try isFile ? path.map { try SafetensorsFile($0) } : nil
  }

  var seed: UInt64 { recipe.settings.seed }

  /// The folder's model with `change` made to its configuration, ready for training.
  /// - Throws: `TrainingError.noInitialModel` where there is no folder.
  func model(_ change: (inout ModelConfiguration) throws -> Void = { _ in }) throws -> Model {
    guard let folder else {
      throw TrainingError.noInitialModel(
        file: recipe.file, stage: "\(recipe.settings.stage)")
    }
    var configuration = folder.configuration
    try change(&configuration)
    try check(configuration)
    let model = try folder.extended(configuration, seed: seed, policy: policy)
    model.store.prepareForTraining()
    return model
  }

  /// Checks that a model described by a folder and a recipe is valid and can be trained.
  private func check(_ configuration: ModelConfiguration) throws {
    try recipe.checking { check in
      try configuration.validate(check / "model")
      try (check / "model")(
        "schedule", configuration.schedule.allSatisfy { $0.height == $0.width },
        else: "has grids that are not square, which training needs")
      try recipe.settings.data.validate(check / "data", scale: configuration.scale)
    }
    if policy.device == .cpu {
      try recipe.checkMemory(of: configuration, ranks: statistics.group?.size ?? 1)
    }
  }

  /// - Throws: `TrainingError.recipe` where crops differ in size from the model's tile.
  func requireTiles(_ model: Model) throws {
    let (crop, side) = (recipe.settings.data.crop, model.configuration.tileSide)
    try recipe.checking { check in
      try (check / "data")(
        "crop", crop == side, else: "is \(crop); it has to be the model's tile, \(side) pixels")
    }
  }

  /// The recipe's section `model` in stages that may be the first.
  struct ModelSection: Codable {
    var name = "nano"
    /// The factor between the sides of output and input.
    var scale = 4
    var tokenizer = AutoencoderConfiguration()
    var patch = 2
    /// The sides of a tile's token grids.
    var schedule = [1, 2, 4, 6, 8, 12, 16]
    var contextResize = Tensor.Interpolation.bilinear
    var sampling = SamplingConfiguration()

    var configuration: ModelConfiguration {
      let schedule = schedule.map { GridSize($0, $0) }
      var configuration = ModelConfiguration(
        name: name, tokenizer: tokenizer, patch: patch, schedule: schedule,
        rotaryReference: schedule.last ?? GridSize(1, 1), contextResize: contextResize,
        sampling: sampling)
      configuration.scale = scale
      return configuration
    }
  }

  /// The model that the recipe describes.
  /// - Throws: `TrainingError.recipe` where it is invalid or cannot be trained on this machine.
  func describedConfiguration() throws -> ModelConfiguration {
    let configuration = try recipe.section("model", defaults: ModelSection()).configuration
    try check(configuration)
    return configuration
  }

  /// The folder's model, or the one that the recipe describes, with the file's weights where it has
  /// them.
  func firstModel() throws -> Model {
    guard folder == nil else { return try model() }
    let configuration = try describedConfiguration()
    let store: ParameterStore
    if let weights {
      let known = Set(weights.names)
      store = ParameterStore(
        QuantizedSource(weights), on: policy.device, fresh: { !known.contains($0) }, seed: seed)
    } else {
      store = ParameterStore(seed: seed, on: policy.device)
    }
    let model = try Model(configuration, store, policy: policy)
    try store.validate()
    store.prepareForTraining()
    return model
  }
}
