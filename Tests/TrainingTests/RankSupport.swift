import Foundation
import TestSupport
import Torch

@testable import Training

/// Runs `body` for every rank of a group over 127.0.0.1, each on a thread of its own, with what
/// processes would not share either made by `body`.
/// - Returns: what `body` gave or threw, by rank.
func onRanks<Value: Sendable>(
  _ size: Int, timeout: Duration = .seconds(60),
  _ body: @escaping @Sendable (_ group: ProcessGroup, _ launch: LaunchEnvironment) throws -> Value
) throws -> [Result<Value, any Error>] {
  let server = try LocalServer { _, _ in .silence }
  let port = server.port
  server.stop()
  let results = Monitor([Int: Result<Value, any Error>]())
  for rank in 0..<size {
    let thread = Thread {
      let result = Result {
        let launch = LaunchEnvironment(
          rank: rank, worldSize: size, masterAddress: "127.0.0.1", masterPort: port)
        return try body(
          ProcessGroup(launch, backend: .gloo, device: .cpu, timeout: timeout), launch)
      }
      results.withLock { $0[rank] = result }
    }
    thread.stackSize = 8 << 20
    thread.name = "rank \(rank)"
    thread.start()
  }
  let all = results.wait(until: { $0.count == size }) { $0 }
  return (0..<size).map { all[$0]! }
}

/// A run of a stage on one or several ranks.
struct RankRun: Sendable {
  var outcome: Trainer.Outcome
  /// The values of the stage's parameters and buffers.
  var weights: [[Float]]

  /// Trains on this thread, or as a rank of `group`. Rank 0 alone has the folder `output`.
  /// - Parameters:
  ///   - data: a folder of photos, also for validation.
  ///   - stopAfter: the number of the update to stop after.
  init(
    _ recipe: TrainingRecipe, data: String, output: String, group: ProcessGroup? = nil,
    stopAfter: Int = .max, stage make: (ProcessGroup?) throws -> any TrainingStage
  ) throws {
    let stage = try make(group)
    let settings = recipe.settings
    let source = try makeTrainingSource(
      [DataFolder(path: data)], settings: settings.data, scale: stage.scale, seed: settings.seed
    ) { _ in }
    let validation = try ValidationSet(
      folder: data, settings: settings.data, scale: stage.scale
    ) { _ in }
    let isFirst = group.map { $0.rank == 0 } ?? true
    let trainer = try Trainer(
      stage, recipe: recipe, source: source, validation: validation,
      output: isFirst ? output : output + "-of-another-machine", isSilent: true, group: group
    ) { $0 >= stopAfter }
    outcome = try trainer.run()
    weights =
      (stage.parameterGroups.flatMap(\.parameters) + stage.buffers).map(\.value.floats)
  }

  /// Trains on `size` ranks.
  /// - Returns: the run of each rank.
  static func onAll(
    _ size: Int, _ recipe: TrainingRecipe, data: String, output: String, stopAfter: Int = .max,
    stage make: @escaping @Sendable (ProcessGroup?) throws -> any TrainingStage
  ) throws -> [RankRun] {
    let text = recipe.text
    return try onRanks(size) { group, _ in
      try RankRun(
        TrainingRecipe(text: text), data: data, output: output, group: group,
        stopAfter: stopAfter, stage: make)
    }.map { try $0.get() }
  }

  /// ‖a − b‖ / ‖b‖ over all weights of two runs.
  func distance(to other: RankRun) -> Double {
    var (difference, length) = (0.0, 0.0)
    for (a, b) in zip(weights.joined(), other.weights.joined()) {
      difference += Double((a - b) * (a - b))
      length += Double(b * b)
    }
    return (difference / length).squareRoot()
  }
}

/// The largest difference of two series, relative to the largest value of the second.
func distance(_ a: [Double], _ b: [Double]) -> Double {
  guard a.count == b.count, !a.isEmpty else { return .infinity }
  return zip(a, b).map { abs($0 - $1) }.max()! / max(b.map(abs).max()!, 1e-9)
}
