import ArgumentParser
import Foundation
import Torch
import Training

/// `nsarm train STAGE --recipe FILE --data FOLDER --output FOLDER`
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model from folders of photos or of real pairs.",
    discussion: """
      Degraded inputs are made from photos on the fly. A folder with "lr" and "hr" holds pairs, which are \
      taken as they are; "teacher" beside them holds what another method made of "lr". The output folder \
      receives log.jsonl, validation.jsonl, previews, checkpoints and the averaged model in "model". A run \
      that was stopped or killed resumes from its last checkpoint when the same command is given again.
      """)

  @Argument(help: "What is trained; the recipe has to be for the same stage.")
  var stage: String

  @Option(help: ArgumentHelp("The YAML file with the settings.", valueName: "file"))
  var recipe: String

  @Option(
    help: ArgumentHelp(
      """
      A folder of photos, searched recursively, or of pairs; may be given more than once. The weight (1 if \
      absent) is how often a folder is drawn from, relative to the others.
      """, valueName: "folder[=weight]"),
    transform: DataFolder.init(argument:))
  var data: [DataFolder]

  @Option(help: ArgumentHelp("Where the run is kept.", valueName: "folder"))
  var output: String

  @Option(help: ArgumentHelp("A folder of photos or pairs to validate with.", valueName: "folder"))
  var validation: String?

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp("A model folder to start from or to build on.", valueName: "folder"))
  var initFolder: String?

  @OptionGroup var compute: ComputeOptions

  func run() throws {
    let recipe = try TrainingRecipe(file: recipe)
    guard recipe.settings.stage == stage else {
      throw ValidationError(
        "\(self.recipe) is a recipe for stage '\(recipe.settings.stage)', not '\(stage)'")
    }
    let warn: @Sendable (String) -> Void = { text in
      FileHandle.standardError.write(Data("warning: \(text)\n".utf8))
    }
    let settings = recipe.settings
    let source = try makeSampleSource(
      data, settings: settings.data, seed: settings.seed, warn: warn)
    let validationSet = try validation.map {
      try ValidationSet(folder: $0, settings: settings.data, warn: warn)
    }
    let policy = try compute.policy(standard: settings.precision)
    let model = try makeStage(name: stage, recipe: recipe, from: initFolder, policy: policy)
    Interruption.install()
    let trainer = try Trainer(
      model, recipe: recipe, source: source, validation: validationSet, output: output,
      shouldStop: { Interruption.isRequested })
    switch try trainer.run() {
    case .finished(let step):
      print("finished after \(step) steps; the model is in \(output)/model")
    case .interrupted(let step):
      print("stopped after step \(step); run the same command again to resume from \(output)")
      throw ExitCode(130)
    }
  }
}
