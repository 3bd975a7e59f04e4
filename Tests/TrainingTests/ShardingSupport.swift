import Foundation
import NSARM
import Torch

@testable import Training

/// Three blocks between two layers, whose sizes no number of ranks divides. Some parameters are
/// used in every second update, one never.
final class BlockStage: TrainingStage {
  let policy: ComputePolicy
  let scale = 4
  let store: ParameterStore
  private let embedding, head: Linear
  private let layers: [(linear: Linear, sometimes: Parameter)]
  private let never: Parameter
  private var evaluation: (any BlockEvaluation)?

  init(policy: ComputePolicy = .float32) throws {
    self.policy = policy
    let store = ParameterStore(seed: 3)
    self.store = store
    embedding = try Linear(3, 7, store.root / "embedding")
    layers = try (0..<3).map { index in
      let scope = store.root / "blocks" / index
      return (try Linear(7, 7, scope), try scope("sometimes", [5], .vector, .ones))
    }
    head = try Linear(7, 3, store.root / "head")
    never = try store.root("never", [11], .vector, .ones)
    store.prepareForTraining()
  }

  var parameterGroups: [(name: String, parameters: [Parameter])] { [("blocks", store.parameters)] }
  var averagedParameters: [Parameter] { store.parameters }

  var blocks: TrainedBlocks? {
    TrainedBlocks(
      group: "blocks",
      parameters: layers.indices.map { (store.root / "blocks" / $0).parameters }
    ) { [weak self] in self?.evaluation = $0 }
  }

  private func predicted(_ batch: TrainingBatch, step: Int) -> Tensor {
    let x = embedding(batch.lowQuality.mean([2, 3])).unsqueezed(1)  // [B, 1, 7]
    return head(
      layers.indices.reduce(x) { x, index in
        let (linear, sometimes) = layers[index]
        func body(_ inputs: BlockInputs) -> Tensor {
          let y = inputs.x + linear(inputs.x).gelu() * inputs.shared
          return step.isMultiple(of: 2) ? y * sometimes.value.mean() : y
        }
        let inputs = BlockInputs(x: x, shared: x.mean([2], keep: true), features: nil)
        return evaluation?(inputs, block: index, body) ?? body(inputs)
      }
    ).squeezed(1)
  }

  func objective(_ batch: TrainingBatch, step: Int, random: UpdateRandom) throws -> Objective {
    Objective(group: "blocks") { [self] in
      let error = predicted(batch, step: step) - batch.highQuality.mean([2, 3])
      return .init(loss: error.square().mean())
    }
  }

  func validate(_ batch: TrainingBatch) throws -> [String: Double] {
    ["sum": predicted(batch, step: 1).sum().item]
  }

  func preview(_ batch: TrainingBatch) throws -> [[Tensor]] { [] }
  func export(to folder: String, provenance: [String: String]) throws {}
}

/// Settings of a few updates with everything that an update can have.
func shardingSettings(_ sharding: MemorySettings.Sharding) -> TrainingRecipe.Settings {
  var settings = TrainingRecipe.Settings()
  settings.stage = "blocks"
  settings.learningRate = 0.02
  settings.gradientClip = 0.02
  settings.emaDecay = 0.7
  settings.accumulation = 2
  // With a larger ε, gradients that are nothing but rounding change nothing.
  settings.optimizer.epsilon = 1e-3
  settings.optimizer.weightDecay = 0.1
  settings.memory.sharding = sharding
  return settings
}

/// A rank's part of the two batches of an update, of six samples each.
func shardingBatches(step: Int, _ group: ProcessGroup?) -> [TrainingBatch] {
  let random = RandomGenerator(seed: UInt64(step))
  return (0..<2).map { _ in
    let high = Tensor.rand([6, 3, 4, 4], using: random) * 2 - 1
    let low = Tensor.rand([6, 3, 1, 1], using: random) * 2 - 1
    let count = 6 / (group?.size ?? 1)
    func part(_ x: Tensor) -> Tensor {
      x.narrowed(0, from: (group?.rank ?? 0) * count, count: count)
    }
    return TrainingBatch(
      highQuality: part(high), lowQuality: part(low), seeds: (0..<count).map(UInt64.init))
  }
}

extension TrainingState {
  /// What this rank keeps, by file and name: the first element of each piece, and its elements.
  var contents: [String: [Int: [Float]]] {
    var contents: [String: [Int: [Float]]] = [:]
    for piece in pieces where piece.keeper != .otherRank {
      let start = piece.part?.elements.lowerBound ?? 0
      contents["\(piece.file) \(piece.name)", default: [:]][start] = piece.tensor.floats
    }
    return contents
  }
}

/// The whole state of a run from what its ranks keep.
func joined(_ ranks: [[String: [Int: [Float]]]]) -> [String: [Float]] {
  var pieces: [String: [Int: [Float]]] = [:]
  for rank in ranks { for (name, own) in rank { pieces[name, default: [:]].merge(own) { $1 } } }
  return pieces.mapValues { pieces in pieces.sorted { $0.key < $1.key }.flatMap(\.value) }
}

/// ‖a − b‖ / ‖b‖ over everything; infinite where names or counts differ.
func distance(_ a: [String: [Float]], _ b: [String: [Float]]) -> Double {
  guard Set(a.keys) == Set(b.keys) else { return .infinity }
  var (difference, length) = (0.0, 0.0)
  for (name, values) in b {
    guard a[name]!.count == values.count else { return .infinity }
    for (x, y) in zip(a[name]!, values) {
      difference += Double((x - y) * (x - y))
      length += Double(y * y)
    }
  }
  return (difference / length).squareRoot()
}
