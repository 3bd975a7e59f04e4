import ArgumentParser
import Files
import Foundation
import NSARM
import PublishedCheckpoints
import Torch
import Training

extension PublishedSize: ExpressibleByArgument {}

/// A plan in place of a run, and the machine that it is for.
struct PlanOptions: ParsableArguments {
  @Flag(
    help: ArgumentHelp(
      """
      Print what the run would take, and train nothing: memory, communication and time per rank. Fails if a \
      rank has too little memory. Needs neither --data nor --output.
      """))
  var plan = false

  @Flag(help: "Print the plan as JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Plan for a model of a published size in place of --init, without its weights.",
      valueName: PublishedSize.allCases.map(\.rawValue).joined(separator: "|")))
  var planSize: PublishedSize?

  @Option(
    help: ArgumentHelp(
      "The ranks of the plan (default: WORLD_SIZE, or 1).", valueName: "count"))
  var planRanks: Int?

  @Option(
    help: ArgumentHelp(
      "The memory of a rank, such as 80GiB (default: this machine's).", valueName: "bytes"))
  var planMemory: ByteCount?

  @Option(
    help: ArgumentHelp(
      """
      The operations per second that a rank reaches in training, such as 300e12 (default: half of the peak of \
      matrix products that is measured here).
      """, valueName: "number"))
  var planFlops: Double?

  @Option(
    help: ArgumentHelp(
      "The bytes per second that a rank sends, such as 50e9 (default: 1.25e9, 10 Gbit/s).",
      valueName: "number"))
  var planBandwidth = 1.25e9

  func validate() throws {
    guard plan else {
      guard !json, planSize == nil, planRanks == nil, planMemory == nil, planFlops == nil else {
        throw ValidationError("--json and the options --plan-... belong to --plan")
      }
      return
    }
    for (name, value) in [("flops", planFlops ?? 1), ("bandwidth", planBandwidth)] {
      guard value >= 1, value <= 1e24 else {
        throw ValidationError("--plan-\(name) has to be from 1 to 1e24")
      }
    }
    if let planRanks, !(1...1_000_000).contains(planRanks) {
      throw ValidationError("--plan-ranks has to be from 1 to 1000000")
    }
  }

  /// The share of the measured peak that training is taken to reach.
  private static let share = 0.5

  /// The machine of the plan; measures this one's speed where none is given.
  /// - Throws: `TorchError` where the device that is measured is not here.
  func machine(_ compute: ComputeOptions, _ precision: Precision) throws -> PlannedMachine {
    let environment = ProcessInfo.processInfo.environment
    let ranks = try planRanks ?? LaunchEnvironment(environment)?.worldSize ?? 1
    let isGPU = compute.device.hasPrefix("cuda")
    if isGPU, planMemory == nil {
      throw ValidationError("--plan with --device \(compute.device) needs --plan-memory")
    }
    var speed = planFlops
    if speed == nil {
      note("measuring this machine's peak")
      let peak = MachinePeak(on: try Device(compute.device), seconds: 0.2)
      let known = try ComputePolicy(precision, on: try Device(compute.device)).precision
      speed = (peak.best[known.rawValue] ?? peak.best.values.max()!) * 1e12 * Self.share
    }
    return PlannedMachine(
      ranks: ranks,
      memory: planMemory.map { Double($0.bytes) } ?? Double(ProcessInfo.processInfo.physicalMemory),
      isGPU: isGPU, operationsPerSecond: speed!, bandwidth: planBandwidth)
  }

  /// The model that the run starts from.
  /// - Throws: `CheckpointError` of the folder's configuration.
  func configuration(_ folder: String?, stage: String) throws -> ModelConfiguration {
    if let planSize { return planSize.model(stage: stage) }
    guard let folder else {
      throw ValidationError("--plan needs the model: --init FOLDER, or --plan-size")
    }
    return try ModelFolder(folder).configuration
  }
}

extension PublishedSize {
  /// A model of this size as `stage` finds it: the published tokenizer that belongs to it and, for
  /// 8b, the published transformation network; stage 2 finds the network of
  /// `Recipes/published/2b-stage1.yaml` in the others.
  fileprivate func model(stage: String) -> ModelConfiguration {
    let isLarge = self == .b8
    let tokenizer = AutoencoderConfiguration.published(
      downsampling: isLarge ? 8 : 16, latentChannels: isLarge ? 14 : self == .m125 ? 16 : 32)
    var model = ModelConfiguration.published(
      tokenizer: tokenizer, patch: isLarge ? 2 : 1, transformer: transformer,
      transformationNetwork: isLarge ? PublishedTransformationNetwork.Configuration() : nil)
    if stage == StageName.stage2.rawValue, !isLarge {
      model.transformationNetwork = .convolutional(
        .init(channels: 256, blocks: 8, patch: 4, scales: [1, 2, 4, 6, 8, 12, 16]))
    }
    return model
  }
}
