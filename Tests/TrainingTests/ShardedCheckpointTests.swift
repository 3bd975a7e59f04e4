import Foundation
import TestSupport
import Testing
import Torch

@testable import Training

/// Checkpoints that ranks write in parts, and other numbers of ranks read.
@Suite(.ownThreads) struct ShardedCheckpointTests {
  private static let recipe = "stage: blocks\nsteps: 1"

  /// Two updates, and their checkpoint.
  /// - Returns: the state.
  private func write(
    _ sharding: MemorySettings.Sharding, _ group: ProcessGroup?, _ run: String
  ) throws -> [String: [Int: [Float]]] {
    let updater = try Updater(BlockStage(), shardingSettings(sharding), group: group)
    for step in 1...2 {
      _ = try updater.update(shardingBatches(step: step, group), step: step)
    }
    let recipe = try TrainingRecipe(text: Self.recipe)
    let checkpoints = CheckpointFolder(run: run)
    if updater.state.shardedFiles.isEmpty {
      try checkpoints.write(updater.state, recipe: recipe)
    } else {
      try checkpoints.writeShards(updater.state, recipe: recipe, Ranks(group, on: .cpu))
    }
    return updater.state.contents
  }

  /// The state of a new run after restoring the checkpoint.
  private func read(
    _ sharding: MemorySettings.Sharding, _ group: ProcessGroup?, _ run: String
  ) throws -> [String: [Int: [Float]]] {
    let updater = try Updater(BlockStage(), shardingSettings(sharding), group: group)
    try CheckpointFolder(run: run).restore(2, into: updater.state)
    #expect(updater.state.step == 2)
    return updater.state.contents
  }

  private func all(
    _ ranks: Int,
    _ body: @escaping @Sendable (ProcessGroup?) throws -> [String: [Int: [Float]]]
  ) throws -> [String: [Float]] {
    guard ranks > 0 else { return joined([try body(nil)]) }
    return joined(try onRanks(ranks) { group, _ in try body(group) }.map { try $0.get() })
  }

  /// 0 ranks stand for a process without a group, which keeps and writes everything.
  @Test(arguments: [MemorySettings.Sharding.optimizer, .parameters], [0, 1, 3])
  func anyNumberOfRanksReads(_ sharding: MemorySettings.Sharding, writers: Int) throws {
    let folder = try TemporaryFolder()
    let run = folder.path
    let written = try all(writers) { try write(sharding, $0, run) }
    for other in [MemorySettings.Sharding.optimizer, .parameters] {
      for readers in [0, 2, 3] {
        let restored = try all(readers) { try read(other, $0, run) }
        #expect(restored == written, "\(readers) ranks with \(other)")
      }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoint-000002")
    let isSharded = writers > 0
    #expect(names.contains("optimizer-00001-of-0000\(writers).safetensors") == isSharded)
    #expect(names.contains("optimizer.safetensors") == !isSharded)
    #expect(
      names.contains("parameters.safetensors") == (!isSharded || sharding == .optimizer))
    #expect(try FileManager.default.contentsOfDirectory(atPath: run) == ["checkpoint-000002"])
  }

  @Test func missingPartsAreNamed() throws {
    let folder = try TemporaryFolder()
    let run = folder.path
    _ = try all(3) { try write(.parameters, $0, run) }
    try FileManager.default.removeItem(
      atPath: run + "/checkpoint-000002/averages-00002-of-00003.safetensors")
    let error = #expect(throws: TrainingError.self) { try read(.none, nil, run) }
    #expect("\(error!)".contains("it has no 'averages-00002-of-00003.safetensors'"))
  }

  @Test func foldersOfOtherMachinesAreRefused() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(
        atPath: folder / name, withIntermediateDirectories: false)
    }
    let root = folder.path
    let results = try onRanks(3) { group, _ in
      let run = root + (group.rank == 2 ? "/b" : "/a")
      try CheckpointFolder(run: run).checkShared(Ranks(group, on: .cpu), patience: 0.2)
    }
    for result in results {
      let error = #expect(throws: TrainingError.self) { try result.get() }
      #expect("\(error!)".contains("rank 2 does not see what rank 0 writes there"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder / "a").isEmpty)
    // Ranks that share it go on.
    for result in try onRanks(
      2,
      { group, _ in
        try CheckpointFolder(run: root).checkShared(Ranks(group, on: .cpu))
      })
    { try result.get() }
  }
}
