import ArgumentParser
import Checkpoints
import Files
import Foundation
import NSARM
import SuperResolution
import Terminal
import Torch
import Upscaling
import Video

/// `nsarm video INPUT OUTPUT`, for a video or a folder of videos
struct VideoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Restore a video and enlarge it.",
    discussion: """
      Frames are read and written by ffmpeg, which has to be installed. Sound, subtitles, chapters, metadata, \
      the frames' times and the tags of their colours are kept; frames that are stored rotated come out \
      upright. Between scene cuts noise and codes follow the motion, so that still content does not flicker. \
      The output appears when it is complete; until then the work is in OUTPUT.partial, and the same command \
      goes on with it after Ctrl-C or a crash. Of a folder all videos are restored, into a folder; where WORLD_SIZE \
      and RANK are set, as torchrun does, the processes share them, video by video.
      """)

  @Argument(help: "The video, or a folder of videos.")
  var input: String

  @Argument(
    help:
      "The restored video; its extension gives the container: .mp4, .mkv, .mov, .webm, ..., or .gif, .webp, .png for an animated picture. Of a folder: the folder for the outputs."
  )
  var output: String

  @OptionGroup(title: "Model options") var model: ModelOptions
  @OptionGroup(title: "Restoration options") var restoration: RestorationOptions
  @OptionGroup(title: "Restoration options") var tiles: TileOptions

  @Option(
    help: ArgumentHelp(
      "The encoder, by ffmpeg's name: libx264, libx265, libsvtav1, ffv1, ... (default: libx264, in .webm "
        + "libvpx-vp9).", valueName: "name"))
  var codec: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Quality of the encoding: lower is better and larger (default: 18 for libx264, 20 for libx265, 24 for "
        + "AV1 and VP9).", valueName: "factor"))
  var crf: Int?

  @Option(
    help: ArgumentHelp("The encoder's speed, such as slow (default: its own).", valueName: "name"))
  var preset: String?

  @Flag(
    help:
      "Restore every frame by itself, with its own noise, like a still picture: for comparisons."
  )
  var independent = false

  @OptionGroup(title: "Model options") var compute: ComputeOptions
  @OptionGroup(title: "Model options") var memory: MemoryOptions
  @OptionGroup(title: "Restoration options") var shortcuts: AccelerationOptions

  @Flag(help: "Replace a file that exists.")
  var overwrite = false

  @Flag(help: "Of a folder: leave out videos whose outputs exist.")
  var skipExisting = false

  @OptionGroup var shared: SharedWorkOptions

  func validate() throws {
    for (name, value) in [("the input", input), ("the output", output)] where value.isEmpty {
      throw ValidationError("\(name) is empty; name a video file")
    }
    guard isFolder(input) || !(output as NSString).pathExtension.isEmpty else {
      throw ValidationError(
        "\(output): has no extension, which gives the container; call it \(output).mp4")
    }
    if overwrite, skipExisting {
      throw ValidationError("--overwrite and --skip-existing cannot be combined")
    }
    if skipExisting, !isFolder(input) {
      throw ValidationError("--skip-existing is for a folder of videos; leave it out")
    }
    for (name, value) in [("--codec", codec), ("--preset", preset)] {
      if value == "" { throw ValidationError("\(name) is empty; leave it out or name one") }
    }
  }

  func run() throws {
    Interruption.install()
    let launch = try shared.launch()
    let tools = try FFmpeg()
    guard !isFolder(input) else { return try VideoFolderRun(self, tools, launch).run() }
    guard launch == nil else {
      throw ValidationError(
        "processes share the work (WORLD_SIZE is set): name folders of videos for both,"
          + " or unset WORLD_SIZE to work alone")
    }
    let video = try VideoProperties(input, tools)
    if !overwrite, FileManager.default.fileExists(atPath: output) {
      throw FileError.exists(path: output)
    }
    let plan = try plan(compute)
    let upscaler = VideoUpscaler(PhotoUpscaler(try plan.resolver()), tools)
    do {
      try restore(video, to: output, upscaler, plan)
    } catch is CancellationError {
      tellStopped(output)
      throw ExitCode(Interruption.status)
    }
  }

  /// The plan for the model.
  func plan(_ compute: ComputeOptions) throws -> ModelLoader.Plan {
    let folder = try model.folder()
    var loader = try compute.loader(memory: memory.limit)
    loader.window = options(folder.configuration).pictures.resolver.window
    loader.strength = restoration.dial
    let plan = try loader.plan(folder)
    if let text = plan.memory.note { note("note: \(text)") }
    return plan
  }

  /// Restores a video, and tells of it.
  /// - Parameters:
  ///   - claim: the number of this process's claim on the output; nil: it works alone.
  ///   - check: called often; an error thrown here stops the work.
  /// - Throws: `CancellationError` after Ctrl-C; what is wrong with the video.
  func restore(
    _ video: VideoProperties, to output: String, _ upscaler: VideoUpscaler,
    _ plan: ModelLoader.Plan, claim: Int? = nil, check: @escaping () throws -> Void = {}
  ) throws {
    var options = options(plan.folder.configuration)
    options.claim = claim
    let settings = try settings(plan.folder, plan.policy)
      .merging(["input": hexadecimal(try fingerprint(ofFile: video.path))]) { $1 }
    let display = ProgressDisplay((video.path as NSString).lastPathComponent)
    defer { display.clear() }
    let start = Date()
    let place = "\(output).partial" + (claim.map { "-\($0)" } ?? "")
    let report = try upscaler(
      video, to: output, options, settings: settings,
      started: { if $0 > 0 { note("going on after frame \($0) of \(place)") } }
    ) { done, all in
      if Interruption.isRequested { throw CancellationError() }
      try check()
      if all > 0 { display.update(done / Double(all)) }
    }
    display.clear()
    for warning in report.warnings { note("warning: \(video.path): \(warning)") }
    let (from, to) = (report.inputSize, report.outputSize)
    try StandardOutput.print(
      "\(output): \(counted(report.frameCount, "frame")), "
        + "\(from.width)x\(from.height) -> \(to.width)x\(to.height), "
        + ProgressLine.duration(Date().timeIntervalSince(start)))
  }

  /// Tells what Ctrl-C has left of an output.
  func tellStopped(_ output: String) {
    note(
      FileManager.default.fileExists(atPath: output + ".partial")
        ? "stopped; the same command goes on with \(output).partial"
        : "stopped before the first segment was complete; nothing is left")
  }

  private func options(_ configuration: ModelConfiguration) -> VideoUpscaler.Options {
    var options = VideoUpscaler.Options()
    options.pictures = restoration.options(configuration)
    options.pictures.resolver.window = tiles.window(configuration)
    options.pictures.resolver.acceleration = shortcuts.acceleration
    options.encoding.codec = codec
    options.encoding.crf = crf
    options.encoding.preset = preset
    if independent { options.consistency = nil }
    options.overwrite = overwrite
    return options
  }

  /// The settings that the frames depend on besides the input, by the names of options: a run goes
  /// on with a half-finished video when all of them are the same.
  func settings(_ folder: ModelFolder, _ policy: ComputePolicy) throws -> [String: String] {
    return [
      "--model": try folder.identity(),
      "--precision": policy.precision.rawValue,
      "--scale": "\(restoration.scale ?? 4)", "--seed": "\(restoration.seed ?? 0)",
      "--temperature": restoration.temperature.map { "\($0)" } ?? "the model's",
      "--tile": tiles.tile.map { "\($0)" } ?? "automatic",
      "--strength": "\(restoration.dial)",
      "--color": restoration.color?.rawValue ?? "automatic",
      "--codec": codec ?? "automatic", "--crf": crf.map { "\($0)" } ?? "automatic",
      "--preset": preset ?? "none",
      "--independent": "\(independent)",
      "--scales": shortcuts.scaleCount.scales.map { "\($0)" } ?? "all",
      "--prune": "\(shortcuts.prune?.values ?? [])", "--one-pass": "\(shortcuts.onePass)",
      "version of nsarm": Version.text,
    ]
  }
}
