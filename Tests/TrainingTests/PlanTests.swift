import NSARM
import Testing
import Torch

@testable import Training

@Suite struct PlanTests {
  private let gpus = PlannedMachine(
    ranks: 8, memory: 80 * 0x1p30, isGPU: true, operationsPerSecond: 3e14, bandwidth: 5e11)

  /// A model of squares of 256 pixels, with a transformer of 12 blocks.
  private func model(depth: Int = 12, network: Bool = true) -> ModelConfiguration {
    let schedule = [1, 2, 4, 6, 8, 12, 16].map { GridSize($0, $0) }
    var configuration = ModelConfiguration(
      name: "m", tokenizer: AutoencoderConfiguration(), patch: 2, schedule: schedule,
      rotaryReference: GridSize(16, 16))
    var transformer = TransformerConfiguration()
    (transformer.width, transformer.depth, transformer.heads) = (768, depth, 8)
    transformer.text = TextConfiguration()
    configuration.transformer = transformer
    if network {
      configuration.transformationNetwork = .convolutional(
        .init(channels: 64, blocks: 2, patch: 4, scales: [2, 4, 8]))
    }
    return configuration
  }

  private func recipe(
    _ extra: String = "", stage: String = "stage2", batch: Int = 64, crop: Int = 256
  )
    throws -> TrainingRecipe
  {
    try TrainingRecipe(
      text: """
        stage: \(stage)
        steps: 1000
        batch: \(batch)
        data: {crop: \(crop)}
        \(extra)
        """, file: "r.yaml")
  }

  private func plan(
    _ extra: String = "", stage: String = "stage2", batch: Int = 64, ranks: Int = 8,
    depth: Int = 12, precision: Precision = .float32
  ) throws -> RunPlan {
    var machine = gpus
    machine.ranks = ranks
    return try RunPlan(
      recipe(extra, stage: stage, batch: batch), from: model(depth: depth), precision: precision,
      on: machine)
  }

  @Test func stateIsThatOfAdamWWithAverages() throws {
    let plain = try plan(ranks: 1)
    let count = Double(plain.trainedParameters)
    #expect(plain.trainedParameters > 100_000_000)
    #expect(plain.trainedParameters + plain.frozenParameters == (try model().parameterCount()))
    let bytes = plain.bytesPerRank
    #expect(bytes.weights == 4 * count && bytes.gradients == 4 * count)
    #expect(bytes.moments == 8 * count && bytes.averages == 4 * count)
    #expect(bytes.frozenWeights == 4 * Double(plain.frozenParameters))
    #expect(plain.sentBytes == 0 && bytes.buckets == 0 && bytes.gathered == 0)
    let held = bytes.weights + bytes.frozenWeights + bytes.moments + bytes.averages + bytes.program
    #expect(bytes.total == held + max(bytes.gradients, bytes.activations))
    // All gradients are there while the next batch is computed.
    let accumulated = try plan("accumulation: 2", ranks: 1).bytesPerRank
    #expect(accumulated.total == held + bytes.gradients + bytes.activations)
  }

  @Test func activationsGrowWithBatchAndDepth() throws {
    let activations = try plan().bytesPerRank.activations
    #expect(try plan(batch: 128).bytesPerRank.activations == 2 * activations)
    #expect(try plan(batch: 128, ranks: 16).bytesPerRank.activations == activations)
    let deeper = try plan(depth: 24).bytesPerRank.activations / activations
    #expect((1.9...2).contains(deeper))
    let halves = try plan(precision: .bfloat16).bytesPerRank.activations / activations
    #expect((0.5...0.65).contains(halves))
    // The inputs of 12 blocks and one whole block.
    let recomputed = try plan("memory: {recompute: blocks}").bytesPerRank.activations / activations
    #expect((0.1...0.3).contains(recomputed))
  }

  @Test func shardsAreDividedAndSent() throws {
    let plain = try plan()
    let count = 4 * Double(plain.trainedParameters)
    #expect(abs(plain.sentBytes / (2 * count * 7 / 8) - 1) < 1e-12)
    let first = try plan("memory: {sharding: optimizer}")
    #expect(first.bytesPerRank.moments == plain.bytesPerRank.moments / 8)
    #expect(first.bytesPerRank.weights == plain.bytesPerRank.weights)
    let third = try plan("memory: {sharding: parameters}")
    #expect(third.bytesPerRank.weights == plain.bytesPerRank.weights / 8)
    #expect(third.bytesPerRank.gradients == plain.bytesPerRank.gradients / 8)
    #expect(third.bytesPerRank.gathered > 0 && third.bytesPerRank.buckets == 0)
    #expect(third.bytesPerRank.total < first.bytesPerRank.total)
    #expect(first.bytesPerRank.total < plain.bytesPerRank.total)
  }

  @Test func timeIsThatOfComputationAndOfWhatIsNotHidden() throws {
    let plain = try plan()
    #expect(plain.computeSeconds == plain.operations / 3e14)
    // The gradients travel while the backward pass runs.
    #expect(plain.communicationSeconds > 0 && plain.communicationSeconds < plain.seconds)
    #expect(abs(plain.seconds - plain.computeSeconds) < 1e-9)
    let recomputed = try plan("memory: {recompute: blocks}")
    #expect((1.1...1.34).contains(recomputed.operations / plain.operations))
    let third = try plan("memory: {sharding: parameters}")
    #expect(third.seconds == third.computeSeconds + third.communicationSeconds)
    #expect(abs(third.stepsPerHour * third.seconds - 3600) < 1e-6)
    #expect(abs(third.hours! - 1000 * third.seconds / 3600) < 1e-9)
  }

  @Test func everyStageTrainsItsOwnNetwork() throws {
    let first = try plan(stage: "stage1")
    #expect(first.trainedParameters < 1_000_000 && first.frozenParameters > 100_000_000)
    let transformer = try plan(stage: "transformer")
    #expect(transformer.trainedParameters == (try plan().trainedParameters))
    #expect(transformer.operations < (try plan().operations))
  }

  // MARK: Refusals

  private func problem(_ body: () throws -> RunPlan) -> String {
    do {
      _ = try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func whatHasNoPlanIsNamed() throws {
    #expect(problem { try plan(stage: "decoder") }.contains("stage 'decoder' of this model"))
    #expect(problem { try plan(batch: 12) }.contains("'batch' is 12, which 8 ranks"))
    #expect(
      problem {
        try RunPlan(recipe(crop: 128), from: model(), precision: .float32, on: gpus)
      }.contains("'data.crop' is 128; it has to be the model's tile, 256 pixels"))
    #expect(
      problem {
        try RunPlan(recipe(), from: model(network: false), precision: .float32, on: gpus)
      }.contains("needs a model with a transformation network"))
  }

  /// The remedy of the message makes the run fit, and is the first that does.
  @Test(arguments: [
    (30.0, ""), (5.0, "it fits with 'memory: {recompute: blocks}'"),
    (3.0, "it fits with 'memory: {recompute: blocks, sharding: optimizer}'"),
    (1.8, "sharding: parameters"), (0.1, "take more ranks"),
  ])
  func aRunThatDoesNotFitHasARemedy(_ gibibytes: Double, _ remedy: String) throws {
    var machine = gpus
    machine.memory = gibibytes * 0x1p30 + machine.programBytes
    let plan = try RunPlan(recipe(), from: model(), precision: .float32, on: machine)
    let problem = try plan.problem(recipe(), from: model(), precision: .float32, on: machine)
    guard !remedy.isEmpty else {
      #expect(problem == nil)
      return
    }
    #expect(problem?.hasPrefix("r.yaml: a rank takes ") == true)
    #expect(problem?.contains(remedy) == true, "\(problem ?? "")")
    #expect(problem?.contains("\n") == false)
  }
}
