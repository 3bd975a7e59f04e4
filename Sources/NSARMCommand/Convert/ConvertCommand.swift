import ArgumentParser
import Files
import Foundation
import NSARM
import PublishedCheckpoints
import Terminal

/// `nsarm convert CHECKPOINT... --vae FILE -o FOLDER`, `nsarm convert RealESRGAN_x4plus.pth -o
/// FOLDER`, `nsarm convert MODEL --quantize int8 -o FOLDER`
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Make a model folder of published checkpoints, or a smaller one of a model.",
    discussion: """
      Takes the files as they are downloaded: NSARM or Infinity as .pth, split into pieces, or as a folder of \
      Hugging Face, and their tokenizer. The model's shape is read from the tensors. Every key is accounted \
      for: keys that the published script ignores are left out and named; keys that are missing or of another \
      shape are listed, and nothing is written. Files may be larger than memory; each is read once. \
      'nsarm verify' checks the files before and the model afterwards.

      A network of Real-ESRGAN, a .pth or .safetensors named without --vae, becomes a model without code: \
      RealESRGAN_x4plus, x4plus_anime_6B, realesr-general-x4v3, realesr-animevideov3. A model folder, named \
      without --vae, is stored in another format.
      """)

  @Argument(
    help: ArgumentHelp(
      "The transformer: a file, a folder, or all pieces of a split file; or a file of Real-ESRGAN; or a model"
        + " folder.",
      valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(
    help: ArgumentHelp(
      "The tokenizer's checkpoint; none for a model folder, which has one, and for Real-ESRGAN.",
      valueName: "file"))
  var vae: String?

  @Option(
    help: ArgumentHelp(
      "The same network trained to keep noise and softness, such as realesr-general-wdn-x4v3.pth: the model"
        + " then has the dial --strength between the two.", valueName: "file"))
  var twin: String?

  @Option(
    help: ArgumentHelp(
      "A folder with Flan-T5 as on Hugging Face, with spiece.model or tokenizer.json; without it the model runs on its"
        + " null text.", valueName: "folder"))
  var textEncoder: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("The model folder.", valueName: "folder"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "Storage of the weights: as they are (default for Real-ESRGAN), in bfloat16 (default for others), or the"
        + " matrices of the transformer's blocks in 8 or 4 bits.",
      valueName: WeightFormat.allCases.map(\.rawValue).joined(separator: "|")))
  var quantize: WeightFormat?

  @Flag(help: "Tell what would be written, and write nothing.")
  var dryRun = false

  @Flag(help: "Replace a model folder that is there already.")
  var overwrite = false

  func validate() throws {
    if checkpoints.contains("") || vae == "" || textEncoder == "" || twin == "" {
      throw ValidationError("a checkpoint's name is empty; name a file or a folder")
    }
    if vae == nil, checkpoints.count > 1 {
      throw ValidationError(
        "--vae is missing: it names the tokenizer's checkpoint; only a network of Real-ESRGAN and a model"
          + " folder do without, one at a time")
    }
    if vae == nil, textEncoder != nil {
      throw ValidationError("--text-encoder is for a transformer, which --vae goes with")
    }
    if twin != nil, vae != nil || isFolder(checkpoints[0]) {
      throw ValidationError("--twin is for networks of Real-ESRGAN")
    }
    if vae == nil, !isFolder(checkpoints[0]), quantize == .int8 || quantize == .int4 {
      throw ValidationError("--quantize \(quantize!.rawValue) is for transformers")
    }
    if output.isEmpty { throw ValidationError("-o is empty; name the model's folder") }
  }

  func run() throws {
    Interruption.install()
    do {
      let plan = try ConvertPlan(self)
      let remainder = plan.remainder
      for problem in remainder.problems { note("error: \(problem)") }
      guard remainder.problems.isEmpty else {
        note(
          "error: \(counted(remainder.problems.count, "key")) not as expected; nothing was written")
        throw ExitCode.failure
      }
      if !remainder.ignored.isEmpty {
        note(
          "note: left out, as the published script leaves it out: "
            + PublishedRemainder.summary(remainder.ignored).joined(separator: ", "))
      }
      if !dryRun { try ConvertRun(plan).start() }
      try StandardOutput.print(plan.report)
    } catch is CancellationError {
      note("stopped; nothing was written")
      throw ExitCode(Interruption.status)
    }
  }
}
