import ArgumentParser
import CommandOptions
import Foundation
import Torch
import Training

/// `nsarm train STAGE --recipe FILE --data FOLDER --output FOLDER`
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model from a folder of photos.",
    discussion: """
      Degraded inputs are made from the photos on the fly. The output folder receives log.jsonl, \
      validation.jsonl, previews, checkpoints and the averaged model in "model". A run that was stopped or \
      killed resumes from its last checkpoint when the same command is given again.
      """)

  @Argument(help: "What is trained; the recipe has to be for the same stage.")
  var stage: String

  @Option(help: ArgumentHelp("The YAML file with the settings.", valueName: "file"))
  var recipe: String

  @Option(
    help: ArgumentHelp("The folder of training photos, searched recursively.", valueName: "folder"))
  var data: String

  @Option(help: ArgumentHelp("Where the run is kept.", valueName: "folder"))
  var output: String

  @Option(help: ArgumentHelp("A folder of pictures to validate with.", valueName: "folder"))
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
    let dataset = try PhotoDataset(
      folder: data, settings: settings.data, seed: settings.seed, warn: warn)
    let validationSet = try validation.map {
      try ValidationSet(folder: $0, settings: settings.data, warn: warn)
    }
    let policy = try compute.policy(standard: settings.precision)
    let model = try makeStage(name: stage, recipe: recipe, from: initFolder, policy: policy)
    Interruption.install()
    let trainer = try Trainer(
      model, recipe: recipe, dataset: dataset, validation: validationSet, output: output,
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
