import ArgumentParser
import Foundation
import Terminal
import Torch
import Training

/// `nsarm train RECIPE --data FOLDER --output FOLDER`
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model from folders of photos or of real pairs.",
    discussion: """
      Degraded inputs are made from photos on the fly. A folder with "lr" and "hr" holds pairs, which are \
      taken as they are; "teacher" beside them holds the results of another method on "lr". The output folder \
      receives log.jsonl, validation.jsonl, previews, checkpoints and the averaged model in "model". A run \
      that was stopped or killed resumes from its last checkpoint when the same command is given again; with \
      another recipe, other data or another --init it is refused, unless --continue-with-changes is given.

      Started by torchrun, or several times with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT set, the processes \
      train together: each takes its share of every batch, and the first one writes the output folder. With \
      --device cuda each takes the GPU that LOCAL_RANK names.
      """)

  @Argument(help: "The YAML file with the stage, the model and the settings of the training.")
  var recipe: String

  @Option(
    help: ArgumentHelp(
      """
      A folder of photos, searched recursively, or of pairs; may be given more than once. The weight (1 if \
      absent) is how often a folder is drawn from, relative to the others.
      """, valueName: "folder[=weight]"),
    transform: DataFolder.init(argument:))
  var data: [DataFolder] = []

  @Option(
    name: .customLong("output"), help: ArgumentHelp("The folder of the run.", valueName: "folder"))
  var outputFolder: String?

  @Option(help: ArgumentHelp("A folder of photos or pairs to validate with.", valueName: "folder"))
  var validation: String?

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp("A model folder to start from or to build on.", valueName: "folder"))
  var initFolder: String?

  @Flag(
    help: "Go on with a run whose recipe, data or --init have changed since it was started.")
  var continueWithChanges = false

  @Option(
    help: ArgumentHelp(
      "Seconds after which a process that does not answer is taken for dead by the others.",
      valueName: "seconds"))
  var timeout = 600.0

  @OptionGroup var planning: PlanOptions

  @OptionGroup var compute: ComputeOptions

  /// The folder of a run, which `validate` asks for.
  private var output: String { outputFolder ?? "" }

  func validate() throws {
    guard planning.plan || !data.isEmpty else {
      throw ValidationError("Missing expected argument '--data <folder[=weight]>'")
    }
    guard planning.plan || outputFolder != nil else {
      throw ValidationError("Missing expected argument '--output <folder>'")
    }
    guard (1...86_400).contains(timeout) else {
      throw ValidationError("--timeout has to be from 1 to 86400 seconds")
    }
  }

  func run() throws {
    if planning.plan { return try printPlan() }
    guard let launch = try LaunchEnvironment(ProcessInfo.processInfo.environment),
      launch.worldSize > 1
    else {
      return try report(train(in: nil, compute))
    }
    do {
      try report(train(launch), rank: launch.rank)
    } catch is RankNotices.AlreadyReported {
      throw ExitCode.failure
    } catch  where !(error is ExitCode) {
      throw RankError(description: "rank \(launch.rank): " + errorText(error))
    }
  }

  /// An error of one of several processes.
  private struct RankError: Error, CustomStringConvertible {
    let description: String
  }

  /// Trains as one of several processes.
  private func train(_ launch: LaunchEnvironment) throws -> Trainer.Outcome {
    var compute = compute
    if compute.device == "cuda" { compute.device = "cuda:\(launch.localRank)" }
    let device = try Device(compute.device)
    let group = try ProcessGroup(
      launch, backend: device.type == "cuda" ? .nccl : .gloo, device: device,
      timeout: .seconds(timeout))
    if group.rank == 0 { note("\(counted(group.size, "rank")) train together") }
    return try RankNotices(launch).reporting { try train(in: group, compute) }
  }

  private func train(in group: ProcessGroup?, _ compute: ComputeOptions) throws -> Trainer.Outcome {
    let recipe = try TrainingRecipe(file: recipe)
    let rank = group?.rank ?? 0
    let warn: @Sendable (String) -> Void = {
      note((rank > 0 ? "rank \(rank): " : "") + "warning: \($0)")
    }
    let settings = recipe.settings
    let policy = try compute.policy(standard: settings.precision)
    let stage = try makeStage(recipe, from: initFolder, policy: policy, group: group)
    if rank == 0, let contexts = stage.contextResize {
      note("contexts are resized by \(contexts.rawValue), as the model's config.json says")
    }
    let source = try makeTrainingSource(
      data, settings: settings.data, scale: stage.scale, seed: settings.seed, warn: warn)
    let validationSet = try validation.map {
      try ValidationSet(folder: $0, settings: settings.data, scale: stage.scale, warn: warn)
    }
    Interruption.install()
    let trainer = try Trainer(
      stage, recipe: recipe, source: source, validation: validationSet, output: output,
      initial: initFolder, acceptsChanges: continueWithChanges, group: group,
      shouldStop: { _ in Interruption.isRequested })
    return try trainer.run()
  }

  /// Prints the outcome, as rank 0.
  /// - Throws: `ExitCode` where the run was interrupted.
  private func report(_ outcome: Trainer.Outcome, rank: Int = 0) throws {
    switch outcome {
    case .finished(let step):
      guard rank == 0 else { return }
      try StandardOutput.print("finished after \(step) steps; the model is in \(output)/model")
    case .interrupted(let step):
      if rank == 0 {
        try StandardOutput.print(
          "stopped after step \(step); run the same command again to resume from \(output)")
      }
      // Where another rank got the signal, as if this one had.
      throw ExitCode(Interruption.isRequested ? Interruption.status : 128 + SIGTERM)
    }
  }
}
