import Foundation
import NSARM
import TestSupport
import Testing
import Torch

@testable import Training

/// Runs whose state is divided among ranks equal a run of one process. Sums are taken in another
/// order, so that weights, averages and moments differ by rounding: by 1e-5 of their length.
@Suite(.ownThreads) struct ShardingTests {
  struct Run: Sendable {
    var state: [String: [Int: [Float]]]
    var norms: [Double]
    var losses: [Double]
    /// A figure of the averaged model.
    var figure: Double
    var momentCount, averageCount: Int
    var shardCount = 0

    /// Six updates on a rank, or in one process.
    init(
      _ settings: TrainingRecipe.Settings, _ group: ProcessGroup? = nil, steps: Int = 6,
      policy: ComputePolicy = .float32
    ) throws {
      let stage = try BlockStage(policy: policy)
      let updater = try Updater(stage, settings, group: group)
      (norms, losses) = ([], [])
      for step in 1...steps {
        let result = try updater.update(shardingBatches(step: step, group), step: step)
        norms.append(result.norms["blocks"]!)
        losses.append(result.losses["blocks"]!)
      }
      state = updater.state.contents
      figure = try throwingResourceErrors {
        try withoutGradients {
          try updater.state.average.withAverages {
            try policy { try stage.validate(shardingBatches(step: 1, nil)[0])["sum"]! }
          }
        }
      }
      let pieces = updater.state.pieces
      momentCount = pieces.filter { $0.name.contains("moment.") }.reduce(0) { $0 + $1.tensor.count }
      averageCount = pieces.filter { $0.file == .averages }.reduce(0) { $0 + $1.tensor.count }
      if let shards = updater.state.groups[0].optimizer as? ParameterShards {
        shardCount = shards.elementCount
        // Nothing but the shards is left.
        #expect(shards.parameters.allSatisfy { $0.value.floats.allSatisfy { $0 == 0 } })
      }
    }
  }

  @Test(arguments: [MemorySettings.Sharding.optimizer, .parameters], [1, 2, 3])
  func equalsOneProcess(_ sharding: MemorySettings.Sharding, ranks: Int) throws {
    let plain = try Run(shardingSettings(.none))
    // Clipping acts, and something changes.
    #expect(plain.norms.allSatisfy { $0 > 0.02 })
    let first = try Run(shardingSettings(.none), steps: 1)
    #expect(distance(joined([first.state]), joined([plain.state])) > 1e-3)
    let runs = try onRanks(ranks) { group, _ in try Run(shardingSettings(sharding), group) }
      .map { try $0.get() }
    let difference = distance(joined(runs.map(\.state)), joined([plain.state]))
    #expect(difference < 1e-5)
    for run in runs {
      for (a, b) in zip(run.norms + run.losses, plain.norms + plain.losses) {
        #expect(abs(a - b) < 1e-4 * abs(b))
      }
      #expect(abs(run.figure - plain.figure) < 1e-4)
    }

    // Each moment and average is on one rank, and none has much more than its share.
    let count = plain.averageCount
    #expect(runs.reduce(0) { $0 + $1.momentCount } == 2 * count)
    #expect(runs.reduce(0) { $0 + $1.averageCount } == count)
    // Parameters begin at multiples of 16 elements, and parts are rounded up to as many.
    let parameters = joined([plain.state]).keys.filter { $0.hasPrefix("averages") }.count
    let share = (count + 16 * parameters) / ranks + 16
    for run in runs {
      #expect(run.momentCount <= 2 * share && run.averageCount <= share)
      // Masters, gradients, averages and two moments, in four units.
      #expect(run.shardCount <= 5 * (share + 3 * 16))
    }
  }

  /// Matrices are gathered in the type of products, which plain runs convert them to.
  @Test func bfloat16EqualsOneProcess() throws {
    let policy = try ComputePolicy(.bfloat16)
    let plain = try Run(shardingSettings(.none), policy: policy)
    let runs = try onRanks(1) { group, _ in
      try Run(shardingSettings(.parameters), group, policy: policy)
    }.map { try $0.get() }
    #expect(distance(joined(runs.map(\.state)), joined([plain.state])) < 1e-3)
    let wide = try Run(shardingSettings(.none))
    #expect(distance(joined([wide.state]), joined([plain.state])) > 0)
  }

  @Test func unusedParametersKeepTheirCounts() throws {
    let runs = try onRanks(2) { group, _ in try Run(shardingSettings(.parameters), group) }
    let state = joined(try runs.map { try $0.get().state })
    func count(_ name: String) -> [Float]? { state["optimizer blocks/step_count." + name] }
    #expect(count("blocks.0.weight") == [6])
    #expect(count("blocks.0.sometimes") == [3])
    #expect(count("never") == [0])
    #expect(state["parameters blocks/never"]! == [Float](repeating: 1, count: 11))
  }

  @Test func layoutsDivideEveryElement() {
    let layout = FlatLayout(shapes: [[3], [5, 7], [1], [2, 40], []], ranks: 3)
    #expect(layout.counts == [3, 35, 1, 80, 1] && layout.count % 3 == 0)
    #expect(layout.starts.allSatisfy { $0 % 16 == 0 })
    var seen = layout.counts.map { [Int](repeating: 0, count: $0) }
    for rank in 0..<3 {
      for slice in layout.slices(of: rank) {
        for element in slice.elements { seen[slice.index][element] += 1 }
        #expect(slice.start + slice.elements.count <= layout.partCount)
      }
    }
    #expect(seen.joined().allSatisfy { $0 == 1 })
    let parts = layout.slices(of: 1, in: 5..<9)
    #expect(parts.allSatisfy { $0.start >= 5 && $0.start + $0.elements.count <= 9 })
  }

  @Test func costsFollowTheFormulas() {
    func cost(_ sharding: MemorySettings.Sharding) -> ShardingCost {
      ShardingCost(
        blocks: [.init(products: 900, others: 100), .init(products: 900, others: 100)],
        rest: .init(products: 400, others: 100), ranks: 4, sharding: sharding, gatheredSize: 2,
        accumulation: 3)
    }
    #expect(cost(.none).count == 2500)
    #expect(cost(.none).stateBytes == 50_000)  // 20 P
    #expect(cost(.optimizer).stateBytes == 27_500)  // 8 P + 12 P / N
    #expect(cost(.parameters).stateBytes == 12_500)  // 20 P / N
    #expect(cost(.none).sentBytes == 15_000)  // 0.75 · 2 · 4 P
    #expect(cost(.optimizer).sentBytes == 22_500)  // 0.75 · 3 · 4 P
    // A block is gathered in 2 · 900 + 4 · 100 bytes, the rest in 2 · 400 + 4 · 100: three times
    // 0.75 · (2 · 2 · 2200 + 1200 + 4 P).
    #expect(cost(.parameters).sentBytes == 45_000)
    #expect(cost(.parameters).transientBytes == 9600)  // 1200 + 2 · 2200 + 4 · 1000
  }
}
