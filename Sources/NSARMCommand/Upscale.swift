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
      Folders are searched for pictures, sub-folders included. Without -o a picture is written beside its \
      input as NAME_x4, with --width as NAME_1920w and so on; what an earlier run has written so, or into \
      the folder -o, is no input. --suffix and --name choose other names. '-' is \
      standard input and, after -o, standard output. A bad file is reported and the others go on; the exit \
      status is 1 if any failed, 130 after Ctrl-C. The same command with --skip-existing goes on with a \
      half-done folder.
      """)

  @Argument(help: "Picture files and folders; '-' is standard input.")
  var inputs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The output file, the folder for the outputs, or '-' for standard output.",
      valueName: "file|folder"))
  var output: String?

  @OptionGroup var naming: NamingOptions

  @OptionGroup var model: ModelOptions

  @OptionGroup var size: SizeOptions

  @OptionGroup var restoration: RestorationOptions

  @OptionGroup var prompts: PromptOptions

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var memory: MemoryOptions
  @OptionGroup var shortcuts: AccelerationOptions

  @Flag(
    help: ArgumentHelp(
      "As the published script: its types, sampling, prompt and steps of 8 bits between colour "
        + "corrections. For published models."))
  var asPublished = false

  @Option(
    help: ArgumentHelp(
      "How contexts are resized to a scale: area as the published NSARM, bilinear as Infinity "
        + "(default: the model's).", valueName: "area|bilinear"))
  var contextResize: Tensor.Interpolation?

  @Option(
    help: ArgumentHelp(
      "Write text features, latent, residuals, logits and bits of the picture into a safetensors "
        + "file.", valueName: "file"))
  var dump: String?

  @Option(
    help:
      "Format of the outputs (default: by the output's name, or the input's; PNG where it says none)."
  )
  var format: ImageFormat?

  @OptionGroup var picture: PictureOptions

  @Option(
    help: ArgumentHelp(
      "Which metadata the outputs get: all; colours and density only; or all without place, owner's "
        + "name, serial numbers, maker's notes and thumbnails (credits stay).",
      valueName: "keep|strip|private"))
  var metadata = MetadataPolicy.keep

  @Option(
    help: ArgumentHelp(
      "Put a colour behind transparent pictures, whose outputs then have no transparency: a name such "
        + "as white, or #rrggbb.", valueName: "colour"),
    transform: Self.color)
  var background: PictureColor?

  @Flag(help: "Leave out inputs whose outputs exist, to go on with a half-done folder.")
  var skipExisting = false

  @Flag(help: "Say which file each picture would become, and how large, and restore nothing.")
  var dryRun = false

  @Flag(
    help:
      "Say what is read of each picture (format, size, colours, metadata), what would be written and what not, and restore nothing."
  )
  var explain = false

  @Flag(
    help:
      "Go on watching the folders, and restore what comes into them, until Ctrl-C. What has an output is left out."
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

  @Sendable private static func color(_ text: String) throws -> PictureColor {
    guard let color = PictureColor(text) else {
      let names = PictureColor.names.keys.sorted().joined(separator: ", ")
      throw ValidationError("a colour is #rrggbb or one of \(names)")
    }
    return color
  }

  /// Whether nothing is restored.
  var isDry: Bool { dryRun || explain }
  private var dryName: String { dryRun ? "dry-run" : "explain" }

  /// How large outputs are.
  var outputSize: OutputSize { size.size ?? .scale(restoration.scale ?? 4) }

  func validate() throws {
    if let name = size.name, restoration.scale != nil {
      throw ValidationError("\(name) and --scale exclude each other")
    }
    if dryRun, explain { throw ValidationError("--dry-run and --explain exclude each other") }
    if let maxPixels, maxPixels < 1 {
      throw ValidationError("--max-pixels has to be at least 1")
    }
    if picture.maxBytes != nil, let format, !format.hasQuality {
      throw ValidationError(
        "--max-bytes lowers a quality, and \(format.name) has none; choose JPEG, WebP, AVIF or JPEG XL"
      )
    }
    if picture.overwrite, skipExisting {
      throw ValidationError("--overwrite and --skip-existing exclude each other")
    }
    if skipExisting, naming.template?.placeholders.contains(.index) ?? false {
      throw ValidationError(
        "--skip-existing knows outputs again by their names: --name has to do without {index}")
    }
    if watch {
      if isDry { throw ValidationError("--watch and --\(dryName) exclude each other") }
      if let used = naming.template?.placeholders, !used.contains(.name) || used.contains(.index) {
        throw ValidationError(
          "--watch knows outputs again by their inputs' names: --name has to have {name}, and no {index}"
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
      if isDry { throw ValidationError("--dump and --\(dryName) exclude each other") }
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
    var run = UpscaleRun(self)
    try run.start()
  }

  /// How files are read: the limits that `--max-pixels` sets.
  var reading: ReadOptions {
    var options = ReadOptions()
    if let maxPixels {
      options.maximumPixels = maxPixels
      options.maximumDimension = maxPixels
    }
    return options
  }

  /// Takes over what does not depend on a model.
  func apply(to options: inout PhotoUpscaler.Options) {
    options.size = outputSize
    options.format = format
    options.encoding = picture.encoding
    options.background = background
    options.metadata = metadata
    options.reading = reading
    options.overwrite = picture.overwrite
  }

  func options(_ configuration: ModelConfiguration) -> PhotoUpscaler.Options {
    var options = restoration.options(configuration)
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

extension Tensor.Interpolation: ExpressibleByArgument {
  public static var allValueStrings: [String] { ["area", "bilinear"] }

  /// One of the two that models know.
  public init?(argument: String) {
    switch argument {
    case "area": self = .area
    case "bilinear": self = .bilinear
    default: return nil
    }
  }
}

extension MetadataPolicy: ExpressibleByArgument {}

extension ImageFormat: ExpressibleByArgument {
  /// A format's name or one of its extensions.
  public init?(argument: String) {
    guard let format = ImageFormat(rawValue: argument) ?? ImageFormat(path: "x.\(argument)") else {
      return nil
    }
    self = format
  }
}
