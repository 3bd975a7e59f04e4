import ArgumentParser
import Foundation
import NSARM
import Torch

/// How much memory the networks may take.
struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory to use at most, such as 6G or 900M (default: what is free). With --precision int8 the blocks "
        + "of a transformer that do not fit are read from the model's files again for every scale.",
      valueName: "size"))
  var maxMemory: ByteCount?

  init() {}

  /// How `configuration` is run within the limit.
  /// - Throws: `SuperResolutionError` where it cannot be.
  func plan(
    _ configuration: ModelConfiguration, _ policy: ComputePolicy, window: Int?, batch: Int
  ) throws -> MemoryPlan {
    let estimate = try MemoryEstimate(configuration, policy, window: window)
    // On another device the memory is that device's.
    let free = policy.device == .cpu ? AvailableMemory().tightest : nil
    do {
      return try MemoryPlan(estimate, policy, limit: maxMemory?.bytes ?? free?.bytes, batch: batch)
    } catch let error as SuperResolutionError
      where maxMemory == nil && free?.limit == .addressSpace
    {
      throw AddressSpace.Lack("\(error)")
    }
  }

  /// Bytes that this process may take: what is asked for, else what it has and what is free.
  func limit(_ policy: ComputePolicy) -> Int? {
    if let maxMemory { return maxMemory.bytes }
    guard policy.device == .cpu else { return nil }
    let memory = AvailableMemory()
    return memory.bytes.map { $0 + memory.own }
  }
}
