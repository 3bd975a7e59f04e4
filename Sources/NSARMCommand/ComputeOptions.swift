import ArgumentParser
import Foundation
import NSARM
import Torch

/// Where and how exactly the networks run: the options of every command that computes.
struct ComputeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Arithmetic of the networks: auto takes int8 for models that are stored so, else what was measured to be "
        + "fastest on this kind of processor without a visible difference (nsarm info says why).",
      valueName: Precision.allCases.map(\.rawValue).joined(separator: "|")))
  var precision: Precision?

  @Option(help: "Where the networks run: cpu, cuda, cuda:1.")
  var device = "cpu"

  @OptionGroup var threads: ThreadOptions

  init() {}

  /// Sets the number of threads and gives the policy.
  /// - Parameter standard: the precision where none is asked for.
  /// - Throws: `TorchError` where the device is not here or cannot compute that way.
  func policy(standard: Precision = .auto) throws -> ComputePolicy {
    try threads.apply()
    return try ComputePolicy(precision ?? standard, on: try Device(device))
  }

  /// The same for inference with the model of `folder`.
  func policy(for folder: ModelFolder, standard: Precision = .auto) throws -> ComputePolicy {
    try threads.apply()
    return try folder.policy(precision ?? standard, on: try Device(device))
  }
}

/// How many threads compute.
struct ThreadOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Threads on the CPU, at most one per core (default: one per core).", valueName: "count"))
  var threads: Int?

  init() {}

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads has to be at least 1") }
  }

  /// - Throws: `TorchError` where libtorch is missing.
  func apply() throws {
    guard let threads else { return }
    let cores = ProcessInfo.processInfo.activeProcessorCount
    if threads > cores {
      note(
        "note: --threads \(threads): this machine has \(counted(cores, "core")), as many are used")
    }
    try TorchRuntime.load()
    TorchRuntime.threadCount = min(threads, cores)
  }
}

extension Precision: ExpressibleByArgument {}
