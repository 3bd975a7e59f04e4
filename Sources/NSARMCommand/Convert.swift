import ArgumentParser
import Files
import Foundation
import NSARM
import Terminal

/// `nsarm convert CHECKPOINT... --vae FILE -o FOLDER`, `nsarm convert MODEL --quantize int8 -o
/// FOLDER`
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Make a model folder of published checkpoints, or a smaller one of a model.",
    discussion: """
      Takes the files as they are downloaded: NSARM or Infinity as .pth, split into pieces, or as a folder of \
      Hugging Face, and their tokenizer. The model's shape is read from the tensors. Every key is accounted \
      for; where one is missing, unknown or of another shape, all such keys are listed and nothing is \
      written. Files may be larger than memory. A model folder, named without --vae, is stored in another format.
      """)

  @Argument(
    help: ArgumentHelp(
      "The transformer: a file, a folder, or all pieces of a split file; or a model folder.",
      valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(
    help: ArgumentHelp(
      "The tokenizer's checkpoint; none for a model folder, which has one.", valueName: "file"))
  var vae: String?

  @Option(
    help: ArgumentHelp(
      "A folder with Flan-T5 as Hugging Face has it, spiece.model included; without it the model runs on its"
        + " null text.", valueName: "folder"))
  var textEncoder: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("The model folder.", valueName: "folder"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "How weights are stored: as they are, in bfloat16, or the matrices of the transformer's blocks in 8 or 4"
        + " bits.", valueName: WeightFormat.allCases.map(\.rawValue).joined(separator: "|")))
  var quantize = WeightFormat.bf16

  @Flag(help: "Say what would be written, and write nothing.")
  var dryRun = false

  @Flag(help: "Replace a model folder that is there already.")
  var overwrite = false

  func validate() throws {
    if checkpoints.contains("") || vae == "" || textEncoder == "" {
      throw ValidationError("a checkpoint's name is empty; name a file or a folder")
    }
    if vae == nil, checkpoints.count > 1 || !isFolder(checkpoints[0]) {
      throw ValidationError(
        "--vae is missing: it names the tokenizer's checkpoint; only a model folder does without")
    }
    if output.isEmpty { throw ValidationError("-o is empty; name the model's folder") }
  }

  func run() throws {
    Interruption.install()
    do {
      let plan = try ConvertPlan(self)
      for problem in plan.problems { note("error: \(problem)") }
      guard plan.problems.isEmpty else {
        note("error: \(counted(plan.problems.count, "key")) not as expected; nothing was written")
        throw ExitCode.failure
      }
      if !dryRun { try ConvertRun(plan).start() }
      try StandardOutput.print(plan.report)
    } catch is CancellationError {
      note("stopped; nothing was written")
      throw ExitCode(Interruption.status)
    }
  }
}

extension WeightFormat: ExpressibleByArgument {}
