import ArgumentParser
import Files
import Foundation
import Imaging
import NSARM
import Torch
import Upscaling

/// `nsarm upscale INPUTS... [-o FILE|FOLDER]`
struct UpscaleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upscale",
    abstract: "Restore photos and enlarge them.",
    discussion: """
      Folders are searched for pictures, sub-folders included. Without -o an output is written beside its \
      input as NAME_x4, with --width as NAME_1920w and so on; outputs of earlier runs, and the folder -o, are \
      no inputs. --suffix and --name choose other names. '-' is standard input and, after -o, standard \
      output. A bad file is reported, and the others are restored; the exit status is 1 if any failed, 130 \
      after Ctrl-C. The same command with --skip-existing goes on with a half-finished folder. Where WORLD_SIZE \
      and RANK are set, as torchrun does, the processes share the folder -o: each picture is restored by one of \
      them, what a dead one left by another, and rank 0 tells what came of all.
      """)

  @Argument(help: "Picture files and folders; '-' is standard input.")
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The output file, the folder for the outputs, or '-' for standard output.",
      valueName: "file|folder"))
  var output: String?

  @OptionGroup(title: "Output options") var naming: NamingOptions

  @OptionGroup(title: "Model options") var model: ModelOptions

  @OptionGroup(title: "Size options") var size: SizeOptions

  @OptionGroup(title: "Restoration options") var restoration: RestorationOptions
  @OptionGroup(title: "Restoration options") var tiles: TileOptions

  @OptionGroup(title: "Prompt options") var prompts: PromptOptions

  @OptionGroup(title: "Model options") var compute: ComputeOptions
  @OptionGroup(title: "Model options") var memory: MemoryOptions
  @OptionGroup(title: "Restoration options") var shortcuts: AccelerationOptions

  @Flag(
    help: ArgumentHelp(
      "Do as the published script does: its types, sampling, prompt and steps of 8 bits between colour "
        + "corrections. For published models."))
  var asPublished = false

  @Option(
    help: ArgumentHelp(
      "Resizing of the contexts to a scale: area as in the published NSARM, bilinear as in Infinity "
        + "(default: the model's).", valueName: "area|bilinear"))
  var contextResize: Tensor.Interpolation?

  @Option(
    help: ArgumentHelp(
      "Write text features, latent, residuals, logits and bits of the picture into a safetensors "
        + "file.", valueName: "file"))
  var dump: String?

  @OptionGroup(title: "Output options") var form: FormatOptions
  @OptionGroup(title: "Output options") var picture: PictureOptions

  @Flag(help: "Leave out inputs whose outputs exist, to go on with a half-finished folder.")
  var skipExisting = false

  @Flag(help: "Tell the output file of every picture and its size, and restore nothing.")
  var dryRun = false

  @Flag(
    help:
      "Tell what is read of every picture (format, size, colours, metadata), what would be written and what would be lost, and restore nothing."
  )
  var explain = false

  @Flag(
    help:
      "Watch the folders and restore every picture that comes into them, until Ctrl-C. Pictures with an output are left out."
  )
  var watch = false

  @Flag(
    help:
      "Restore every page of animated and multi-page files, as NAME_x4_p001, NAME_x4_p002, ...")
  var pages = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Refuse pictures with more pixels (default: \(ReadOptions().maximumPixels), and "
        + "\(ReadOptions().maximumDimension) a side).", valueName: "count"))
  var maxPixels: Int?

  @Flag(help: "Print one JSON object per picture.")
  var json = false

  @OptionGroup(title: "Output options") var shared: SharedWorkOptions

  /// Whether nothing is restored.
  var isDry: Bool { dryRun || explain }
  private var dryName: String { dryRun ? "dry-run" : "explain" }

  /// The size of the outputs.
  var outputSize: OutputSize { size.size ?? restoration.outputSize }

  func validate() throws {
    try size.checkAlone(beside: restoration)
    if dryRun, explain { throw ValidationError("--dry-run and --explain cannot be combined") }
    if let maxPixels, maxPixels < 1 {
      throw ValidationError("--max-pixels has to be at least 1")
    }
    if picture.maxBytes != nil, let format = form.format, !format.hasQuality {
      throw ValidationError(
        "--max-bytes lowers a quality, and \(format.name) has none; choose JPEG, WebP, AVIF or JPEG XL"
      )
    }
    if picture.overwrite, skipExisting {
      throw ValidationError("--overwrite and --skip-existing cannot be combined")
    }
    if skipExisting, naming.template?.placeholders.contains(.index) ?? false {
      throw ValidationError(
        "--skip-existing recognises outputs by their names: --name has to do without {index}")
    }
    if watch {
      if isDry { throw ValidationError("--watch and --\(dryName) cannot be combined") }
      if let used = naming.template?.placeholders, !used.contains(.name) || used.contains(.index) {
        throw ValidationError(
          "--watch recognises outputs by their inputs' names: --name has to have {name}, and no {index}"
        )
      }
      guard inputs.allSatisfy(isFolder) else {
        throw ValidationError("--watch takes folders; name the one that pictures come into")
      }
    }
    if dump != nil {
      guard inputs.count == 1, !isFolder(inputs[0]), !pages else {
        throw ValidationError("--dump takes one picture")
      }
      if isDry { throw ValidationError("--dump and --\(dryName) cannot be combined") }
    }
    if let dump, !dump.hasSuffix(TensorDump.suffix) {
      throw ValidationError("--dump names a file NAME\(TensorDump.suffix)")
    }
    if asPublished, restoration.temperature != nil || prompts.guidance != nil {
      throw ValidationError("--as-published sets the sampling; leave out the options of sampling")
    }
    if inputs.contains("") { throw ValidationError("an input is empty; name a file or a folder") }
    if output == "" { throw ValidationError("-o is empty; name a file or a folder") }
    if output.map(StandardStreams.isStream) ?? false {
      if json {
        throw ValidationError("--json and '-o -' both write to standard output; use one of them")
      }
      if pages { throw ValidationError("--pages writes several files; '-o -' is one") }
    }
  }

  func run() throws {
    let launch = try launch()
    var command = self
    command.compute = shared.placed(compute, launch)
    var run = UpscaleRun(command)
    try run.start(launch)
  }

  /// The place of this process among those that share the folder of the outputs; nil: it works
  /// alone.
  /// - Throws: `ValidationError` where the options do not go with shared work.
  func launch() throws -> LaunchEnvironment? {
    guard !isDry, let launch = try shared.launch() else { return nil }
    let reason = "processes share the work (WORLD_SIZE is set)"
    guard let output, !StandardStreams.isStream(output),
      !inputs.contains(where: StandardStreams.isStream),
      case .folder = try BatchPlan.Target(output, inputs: inputs, format: form.format)
    else {
      throw ValidationError(
        "\(reason): name a folder for the outputs with -o, or unset WORLD_SIZE to work alone")
    }
    for (name, isGiven) in [
      ("--overwrite", picture.overwrite), ("--watch", watch), ("--dump", dump != nil),
    ] where isGiven { throw SharedWorkOptions.isForOne(name) }
    if prompts.captionEndpoint != nil {
      throw ValidationError(
        "\(reason): each would caption every picture; write captions to a file, for --prompts")
    }
    return launch
  }

  /// The options for reading files, with the limits that `--max-pixels` sets.
  var reading: ReadOptions {
    var options = ReadOptions()
    if let maxPixels {
      options.maximumPixels = maxPixels
      options.maximumDimension = maxPixels
    }
    return options
  }

  /// Sets the options that do not depend on a model.
  func apply(to options: inout PhotoUpscaler.Options) {
    options.size = outputSize
    options.format = form.format
    options.encoding = picture.encoding
    options.background = form.background
    options.metadata = form.metadata ?? .keep
    options.reading = reading
    options.overwrite = picture.overwrite
  }

  func options(_ configuration: ModelConfiguration) -> PhotoUpscaler.Options {
    var options = restoration.options(configuration)
    options.resolver.window = tiles.window(configuration)
    apply(to: &options)
    options.resolver.acceleration = shortcuts.acceleration
    if let guidance = prompts.guidance { options.resolver.sampling?.guidance = guidance }
    if let layer = prompts.guidanceLayer { options.resolver.sampling?.guidanceLayer = layer }
    options.resolver.contextResize = contextResize
    if asPublished { options.followPublishedScript() }
    return options
  }
}

extension PhotoUpscaler.Options {
  /// Sampling and colours of the published script.
  mutating func followPublishedScript() {
    resolver.sampling = SamplingConfiguration()
    resolver.contextResize = .area
    color = color ?? .both
    truncatesColors = true
  }
}
