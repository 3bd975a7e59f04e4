import ModelTestSupport
import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// Blocks that are computed again in the backward pass.
@Suite(.ownThreads) struct RecomputationTests {
  private func recipe(_ memory: String, stage: String = "transformer") throws -> TrainingRecipe {
    try TrainingRecipe(
      text: """
        stage: \(stage)
        steps: 3
        learning_rate: 0.01
        optimizer: {epsilon: 0.001}
        data: {crop: 64}
        memory: \(memory)
        """)
  }

  /// The weights of the transformer after three updates.
  private func weights(
    _ memory: String, _ precision: Precision, from model: String
  ) throws -> [Double] {
    let stage = try makeStage(recipe(memory), from: model, policy: ComputePolicy(precision))
    let updater = try Updater(stage, try recipe(memory).settings)
    let random = RandomGenerator(seed: 5)
    for step in 1...3 {
      let batch = TrainingBatch(
        highQuality: Tensor.rand([2, 3, 64, 64], using: random) * 2 - 1,
        lowQuality: Tensor.rand([2, 3, 16, 16], using: random) * 2 - 1, seeds: [1, 2])
      #expect(try updater.update([batch, batch], step: step).isFinite)
    }
    return stage.parameterGroups.flatMap(\.parameters).flatMap(\.value.floats).map(Double.init)
  }

  private func model(in folder: TemporaryFolder) throws -> String {
    var configuration = TinyModel.configuration
    configuration.schedule = [1, 2, 4].map { GridSize($0, $0) }
    configuration.rotaryReference = GridSize(4, 4)
    return try TinyModel.write(configuration, in: folder.path)
  }

  /// Gradients of what all blocks read are summed in another order.
  @Test(arguments: [(Precision.float32, 1e-6), (.bfloat16, 1e-3)])
  func givesTheSameWeights(_ precision: Precision, _ tolerance: Double) throws {
    let folder = try TemporaryFolder()
    let model = try model(in: folder)
    let plain = try weights("{}", precision, from: model)
    let recomputed = try weights("{recompute: blocks}", precision, from: model)
    #expect(distance(recomputed, plain) < tolerance, "\(distance(recomputed, plain))")
    // Sharding over one process is recomputation alone.
    let sharded = try weights("{sharding: parameters}", precision, from: model)
    #expect(distance(sharded, plain) < tolerance, "\(distance(sharded, plain))")
    #expect(try weights("{sharding: optimizer}", precision, from: model) == plain)
  }

  /// Only the inputs of a block live until the backward pass.
  @Test func blocksRunTwice() throws {
    var runs = 0
    let parameter = try ParameterStore(seed: 1).root("w", [2], .vector, .constant(3))
    parameter.value.requiresGradient = true
    let blocks = RecomputedBlocks([WholeWeights([parameter])])
    let x = Tensor([1, 2] as [Float], shape: [1, 1, 2])
    x.requiresGradient = true
    try throwingResourceErrors {
      let inputs = BlockInputs(x: x, shared: Tensor.ones([1, 1, 2]), features: nil)
      let result = blocks(inputs, block: 0) { inputs in
        runs += 1
        return (inputs.x * parameter.value * inputs.shared).square()
      }
      #expect(runs == 1 && result.floats == [9, 36])
      try result.sum().backward()
    }
    #expect(runs == 2)
    #expect(x.gradient?.floats == [18, 36] && parameter.value.gradient?.floats == [6, 24])
    withoutGradients {
      _ = blocks(BlockInputs(x: x, shared: x, features: nil), block: 0) { inputs in
        runs += 1
        return inputs.x
      }
    }
    #expect(runs == 3)
  }

  @Test func errorsOfWeightsEndTheRegion() throws {
    struct Lost: Error {}
    final class LostWeights: BlockWeights {
      let parameters: [Parameter] = []
      let leaves: [Tensor] = []
      func materialized() throws -> [Tensor] { throw Lost() }
      func leafGradients(_ gradients: [Tensor?]) -> [Tensor?] { [] }
    }
    let blocks = RecomputedBlocks([LostWeights()])
    let x = Tensor.ones([1, 1, 2])
    #expect(throws: Lost.self) {
      try throwingResourceErrors {
        blocks(BlockInputs(x: x, shared: x, features: nil), block: 0) { $0.x }
      }
    }
  }

  @Test func stagesWithoutBlocksAreRefused() throws {
    let folder = try TemporaryFolder()
    let model = try model(in: folder)
    let error = #expect(throws: TrainingError.self) {
      try makeStage(recipe("{recompute: blocks}", stage: "stage1"), from: model)
    }
    #expect("\(error!)".contains("'memory'") && "\(error!)".contains("stage 'stage1'"))
    let unknown = #expect(throws: TrainingError.self) { try recipe("{sharding: everything}") }
    #expect("\(unknown!)".contains("parameters"))
  }
}
