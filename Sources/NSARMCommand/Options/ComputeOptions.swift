import ArgumentParser
import Foundation
import NSARM
import SuperResolution
import Torch

/// The arithmetic and the device of the networks: the options of every command that computes.
struct ComputeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Arithmetic of the networks: auto is int8 for models that are stored in 8 bits or less, else the fastest "
        + "on this kind of processor that shows no visible difference ('nsarm info' tells why).",
      valueName: Precision.allCases.map(\.rawValue).joined(separator: "|")))
  var precision: Precision?

  @Option(help: "Device that the networks run on: cpu, cuda, cuda:1.")
  var device = "cpu"

  @OptionGroup var threads: ThreadOptions

  init() {}

  /// The arithmetic of a command without a model, or of training.
  /// - Parameter standard: the precision where none is asked for.
  /// - Throws: `TorchError` where the device is not here or cannot compute that way.
  func policy(standard: Precision = .auto) throws -> ComputePolicy {
    try ComputePolicy(precision ?? standard, on: try Device(device))
  }

  /// The loader of models to restore with.
  /// - Parameters:
  ///   - memory: the memory that models may take.
  ///   - standard: the precision where none is asked for.
  /// - Throws: `TorchError` where the device is not here.
  func loader(
    memory: ModelLoader.MemoryLimit = .available, standard: Precision = .auto
  ) throws -> ModelLoader {
    ModelLoader(precision ?? standard, on: try Device(device), memory: memory)
  }
}

/// The number of threads that compute.
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

  /// Sets the number of threads of this process.
  /// - Throws: `TorchError` where libtorch is missing.
  func apply() throws {
    guard let threads else { return }
    let cores = ProcessInfo.processInfo.activeProcessorCount
    if threads > cores {
      note(
        "note: --threads \(threads): this machine has \(counted(cores, "core")), so that many are used"
      )
    }
    try TorchRuntime.load()
    TorchRuntime.threadCount = min(threads, cores)
  }
}
