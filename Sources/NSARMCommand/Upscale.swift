import ArgumentParser
import Foundation
import Imaging
import NSARM
import Torch
import Training
import Upscaling

/// `nsarm upscale INPUTS... [-o FILE|FOLDER]`
struct UpscaleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upscale",
    abstract: "Restore photos and enlarge them.",
    discussion: """
      Folders are searched for pictures, sub-folders included. Without -o a picture is written beside its \
      input as NAME_x4. A bad file is reported and the others go on; the exit status is 1 if any failed, \
      130 after Ctrl-C.
      """)

  @Argument(help: "Picture files and folders.")
  var inputs: [String]

  @Option(name: .shortAndLong, help: "The output file, or the folder for the outputs.")
  var output: String?

  @Option(help: "A model folder, or the name of one in Models (default: $NSARM_MODEL, else nano).")
  var model: String?

  @Option(help: "How many times as wide and high the output is: 1...8.")
  var scale = 4.0

  @Option(help: "Key of the random numbers: the same seed gives the same picture.")
  var seed: UInt64 = 0

  @Option(
    help:
      "How freely bits are drawn: 0 takes the likelier value (default: the model's recommendation)."
  )
  var temperature: Double?

  @Option(
    help: ArgumentHelp(
      "Side in input pixels of the windows that are decoded at once; smaller takes less memory.",
      valueName: "pixels"))
  var tile: Int?

  @OptionGroup var compute: ComputeOptions

  @Option(
    help: "How the output gets the input's colours (default: what suits the model).")
  var color: ColorMode?

  @Option(help: "Format of the outputs (default: that of the input, or of the output's name).")
  var format: ImageFormat?

  @Option(help: "Quality of JPEG, WebP, AVIF and JPEG XL: 1...100.")
  var quality = 92

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  @Flag(help: "Print one JSON object per picture.")
  var json = false

  func validate() throws {
    guard (1...8).contains(scale) else { throw ValidationError("--scale has to be 1 to 8") }
    if let temperature, !(temperature >= 0 && temperature.isFinite) {
      throw ValidationError("--temperature has to be at least 0")
    }
    if let tile, tile < 16 { throw ValidationError("--tile has to be at least 16") }
    guard (1...100).contains(quality) else { throw ValidationError("--quality has to be 1 to 100") }
  }

  func run() throws {
    let suffix = "_x" + (scale == scale.rounded() ? "\(Int(scale))" : "\(scale)")
    let plan = try UpscalePlan(inputs, output: output, suffix: suffix, format: format)
    var output = UpscaleOutput(json: json)
    for (input, error) in plan.failures { output.failed(input, error) }
    guard !plan.items.isEmpty else { throw ExitCode.failure }

    let policy = try compute.policy()
    let folder = try ModelFolder(try ModelLocator.find(model))
    let resolver = try SuperResolver(try folder.load(policy))
    let upscaler = PhotoUpscaler(resolver)
    let options = options(resolver.model.configuration)

    Interruption.install()
    for item in plan.items {
      let progress = ProgressDisplay((item.input.path as NSString).lastPathComponent)
      let start = Date()
      do {
        try BatchPlan([item]).createFolders()
        let report = try upscaler(item.input.path, to: item.output, options) { fraction in
          if Interruption.isRequested { throw CancellationError() }
          progress.update(fraction)
        }
        progress.finish()
        output.succeeded(
          item, report, seconds: Date().timeIntervalSince(start), seed: seed, scale: scale,
          model: folder.configuration.name, policy: policy)
      } catch is CancellationError {
        progress.finish()
        output.message("stopped; \(item.input.path) was not finished")
        throw ExitCode(130)
      } catch {
        progress.finish()
        output.failed(item.input.path, error)
      }
    }
    if output.failureCount > 0 { throw ExitCode.failure }
  }

  private func options(_ configuration: ModelConfiguration) -> PhotoUpscaler.Options {
    var options = PhotoUpscaler.Options()
    options.scale = scale
    options.color = color
    options.format = format
    options.encoding.quality = quality
    options.overwrite = overwrite
    options.resolver.seed = seed
    options.resolver.window = tile.map { $0 * configuration.scale }
    if let temperature {
      var sampling = configuration.sampling
      sampling.temperature = temperature
      options.resolver.sampling = sampling
    }
    return options
  }
}

extension ColorMode: ExpressibleByArgument {}

extension ImageFormat: ExpressibleByArgument {
  /// A format's name or one of its extensions.
  public init?(argument: String) {
    guard let format = ImageFormat(rawValue: argument) ?? ImageFormat(path: "x.\(argument)") else {
      return nil
    }
    self = format
  }
}
