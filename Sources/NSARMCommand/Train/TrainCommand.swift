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
  var data: [DataFolder]

  @Option(help: ArgumentHelp("The folder of the run.", valueName: "folder"))
  var output: String

  @Option(help: ArgumentHelp("A folder of photos or pairs to validate with.", valueName: "folder"))
  var validation: String?

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp("A model folder to start from or to build on.", valueName: "folder"))
  var initFolder: String?

  @Flag(
    help: "Go on with a run whose recipe, data or --init have changed since it was started.")
  var continueWithChanges = false

  @OptionGroup var compute: ComputeOptions

  func run() throws {
    let recipe = try TrainingRecipe(file: recipe)
    let warn: @Sendable (String) -> Void = { note("warning: \($0)") }
    let settings = recipe.settings
    let policy = try compute.policy(standard: settings.precision)
    let stage = try makeStage(recipe, from: initFolder, policy: policy)
    if let contexts = stage.contextResize {
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
      initial: initFolder, acceptsChanges: continueWithChanges,
      shouldStop: { _ in Interruption.isRequested })
    switch try trainer.run() {
    case .finished(let step):
      try StandardOutput.print("finished after \(step) steps; the model is in \(output)/model")
    case .interrupted(let step):
      try StandardOutput.print(
        "stopped after step \(step); run the same command again to resume from \(output)")
      throw ExitCode(Interruption.status)
    }
  }
}
