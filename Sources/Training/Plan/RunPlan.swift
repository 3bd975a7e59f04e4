import Foundation
import NSARM
import Settings
import Torch

/// What a run takes on a machine, before anything of it is made: memory, communication, time.
public struct RunPlan: Encodable, Sendable {
  /// Bytes of one rank.
  public struct Memory: Encodable, Sendable {
    /// The trained weights and those that are only used.
    public var weights = 0.0
    public var frozenWeights = 0.0
    public var gradients = 0.0
    public var moments = 0.0
    public var averages = 0.0
    /// Buckets in which gradients travel.
    public var buckets = 0.0
    /// Weights that are gathered, or converted for matrix products.
    public var gathered = 0.0
    public var activations = 0.0
    /// Batches that are prepared ahead and decoded pictures, at most; 0 where a GPU computes.
    public var loader = 0.0
    public var program = 0.0
    /// The most at any time. Gradients come as activations go, so the larger of the two counts,
    /// except where gradients are accumulated.
    public var total = 0.0
  }

  public let stage: String
  public let ranks: Int
  /// The samples of a rank in one backward pass.
  public let samplesPerRank: Int
  public let trainedParameters, frozenParameters: Int
  public let bytesPerRank: Memory
  public let memory: MemorySettings
  /// The bytes that a rank sends per update.
  public let sentBytes: Double
  /// Floating-point operations of a rank per update.
  public let operations: Double
  /// Seconds of an update: of its computation, and of its communication.
  public let computeSeconds, communicationSeconds: Double
  /// Seconds of an update, where the part of the communication that can runs beside the backward
  /// pass.
  public let seconds: Double
  public let stepsPerHour: Double
  /// The hours of the recipe's updates; nil where it ends by time.
  public let hours: Double?

  /// - Parameters:
  ///   - configuration: the model that the run starts from.
  ///   - precision: that of matrix products; `auto` is bfloat16 on a GPU, else float32.
  /// - Throws: `TrainingError.recipe` where the recipe does not fit the model or the ranks, or its
  ///   stage is not planned; `ConfigurationError`.
  public init(
    _ recipe: TrainingRecipe, from configuration: ModelConfiguration, precision: Precision,
    on machine: PlannedMachine
  ) throws {
    let settings = recipe.settings
    let (stage, configuration) = try recipe.planned(from: configuration)
    try recipe.checkBatch(ranks: machine.ranks)
    let networks = try PlannedNetworks(configuration, stage)
    let halves = precision == .bfloat16 || (precision == .auto && machine.isGPU)
    let cost = ShardingCost(
      blocks: networks.blocks, rest: networks.rest, ranks: machine.ranks,
      sharding: settings.memory.sharding, gatheredSize: halves ? 2 : 4,
      accumulation: settings.accumulation)
    let samples = settings.batch / machine.ranks
    let recomputes = settings.memory.recomputesBlocks && !networks.blocks.isEmpty
    let activations = ActivationMemory(
      configuration: configuration, batch: samples, productSize: halves ? 2 : 4,
      recomputesBlocks: recomputes)

    var bytes = Memory()
    bytes.weights = cost.weightBytes
    bytes.frozenWeights = 4 * Double(networks.frozen)
    bytes.gradients = cost.gradientBytes
    bytes.moments = cost.momentBytes
    bytes.averages = cost.averageBytes
    let sharesGradients = machine.ranks > 1 && settings.memory.sharding != .parameters
    bytes.buckets = sharesGradients ? 4 * Double(cost.count) : 0
    bytes.gathered = cost.transientBytes
    if halves, settings.memory.sharding != .parameters {
      let products = networks.blocks.map(\.products)
      let converted = recomputes ? products.max()! : products.reduce(0, +)
      bytes.gathered = 2 * Double(converted + networks.rest.products)
    }
    let graph =
      switch (configuration.transformer, configuration.transformationNetwork) {
      case (_, let network?) where stage == .stage1: activations.transformationNetwork(network)
      case (let transformer?, _): activations.transformer(transformer)
      default: 0.0
      }
    bytes.activations = max(graph, activations.encoder)
    bytes.loader =
      machine.isGPU ? 0 : recipe.loaderBytes(samples: samples, scale: configuration.scale)
    bytes.program = machine.programBytes
    bytes.add(accumulates: settings.accumulation > 1)

    let passes = Double(samples * settings.accumulation)
    let forward = passes * (networks.trainedOperations + networks.frozenOperations)
    let backward = passes * networks.trainedOperations * (recomputes ? 3 : 2)
    let perSecond = machine.operationsPerSecond
    operations = forward + backward
    computeSeconds = operations / perSecond
    sentBytes = cost.sentBytes
    communicationSeconds = sentBytes / machine.bandwidth
    // Gradients are averaged while the last backward pass runs; weights are gathered when they are
    // needed.
    let hidden =
      switch settings.memory.sharding {
      case .none: communicationSeconds
      case .optimizer: communicationSeconds * 2 / 3
      case .parameters: 0.0
      }
    let during = backward / perSecond / Double(settings.accumulation)
    seconds = computeSeconds + communicationSeconds - min(hidden, during)
    stepsPerHour = 3600 / seconds
    let updateSeconds = seconds
    hours = settings.steps.map { Double($0) * updateSeconds / 3600 }
    self.stage = stage.rawValue
    ranks = machine.ranks
    samplesPerRank = samples
    trainedParameters = networks.trained
    frozenParameters = networks.frozen
    bytesPerRank = bytes
    memory = settings.memory
  }
}

extension RunPlan.Memory {
  fileprivate mutating func add(accumulates: Bool) {
    let varying =
      accumulates ? gradients + activations : max(gradients, activations)
    total =
      weights + frozenWeights + moments + averages + buckets + gathered + varying + loader + program
  }
}

extension TrainingRecipe {
  /// The stage, and the model that it trains: the one it starts from with what the recipe adds.
  fileprivate func planned(
    from initial: ModelConfiguration
  ) throws -> (StageName, ModelConfiguration) {
    guard let stage = StageName(rawValue: settings.stage),
      [.transformer, .stage1, .stage2].contains(stage), initial.network == nil
    else {
      throw TrainingError.recipe(
        file: file,
        problem: "stage '\(settings.stage)' of this model has no plan; there are plans for "
          + "transformer, stage1 and stage2 of models with a code")
    }
    var model = initial
    model.scales = nil
    if stage == .stage1, model.transformationNetwork == nil {
      let section = try section("model", defaults: TransformationStage.ModelSection())
      model.transformationNetwork = .convolutional(section.transformationNetwork)
    }
    if stage != .stage1, model.transformer == nil {
      let section = try section("model", defaults: TransformerStage.ModelSection())
      model.transformer = section.transformer
    }
    if stage == .stage2, model.transformationNetwork == nil {
      throw TrainingError.recipe(
        file: file,
        problem: "stage 'stage2' needs a model with a transformation network; stage 1 "
          + "makes one")
    }
    try checking { check in
      try model.validate(check / "model")
      try (check / "data")(
        "crop", settings.data.crop == model.tileSide,
        else: "is \(settings.data.crop); it has to be the model's tile, \(model.tileSide) pixels")
    }
    return (stage, model)
  }

  /// The bytes of the batches of a rank that are prepared ahead, in preparation, stacked and in
  /// use, with the cache of decoded pictures.
  fileprivate func loaderBytes(samples: Int, scale: Int) -> Double {
    let data = settings.data
    let pixels = Double(data.crop * data.crop) * (1 + 1 / Double(scale * scale))
    let batches = Double(data.prefetch + 2 + settings.accumulation)
    return 12 * pixels * Double(samples) * batches + Double(data.cacheMebibytes) * 0x1p20
  }
}
