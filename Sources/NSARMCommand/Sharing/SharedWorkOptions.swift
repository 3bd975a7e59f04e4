import ArgumentParser
import Files
import Foundation
import Torch

/// The options of commands whose work several processes can share through the folder of the
/// outputs: those that torchrun, Slurm or Kubernetes start with RANK and WORLD_SIZE.
struct SharedWorkOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where processes share the work (WORLD_SIZE is set): give what a process has that does not "
        + "answer to another after this time (default: 30).", valueName: "seconds"))
  var lease: Double?

  init() {}

  func validate() throws {
    if let lease, !(1...86400).contains(lease) {
      throw ValidationError("--lease has to be 1 to 86400")
    }
  }

  /// The place of this process among those that share the work; nil: it works alone.
  /// - Throws: `LaunchEnvironment.Problem`; `ValidationError` where options for shared work are
  ///   given to a process that works alone.
  func launch() throws -> LaunchEnvironment? {
    let launch = try LaunchEnvironment(ProcessInfo.processInfo.environment)
    if launch == nil, lease != nil {
      throw ValidationError(
        "--lease is for work that processes share, and WORLD_SIZE is not set; leave it out")
    }
    return launch
  }

  /// The error for an option that does not go with shared work.
  static func isForOne(_ option: String) -> ValidationError {
    ValidationError(
      "processes share the work (WORLD_SIZE is set): \(option) is for one; leave it out")
  }

  /// The options for computing in a process of several: `--device cuda` is the GPU of its number
  /// on the machine.
  func placed(_ compute: ComputeOptions, _ launch: LaunchEnvironment?) -> ComputeOptions {
    var compute = compute
    if let launch, compute.device == "cuda" { compute.device = "cuda:\(launch.localRank)" }
    return compute
  }

  /// Joins the work of the processes that write to a folder; see `WorkShare`.
  func share(
    _ folder: String, _ launch: LaunchEnvironment, settings: [String: String], units: [String],
    isMissing: (Int) -> Bool = { _ in false }
  ) throws -> WorkShare {
    try WorkShare(
      folder, settings: settings.merging(["version of nsarm": Version.text]) { $1 }, units: units,
      rank: launch.rank, of: launch.worldSize, lease: lease ?? 30, isMissing: isMissing)
  }
}
