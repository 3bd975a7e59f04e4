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

/// `nsarm video INPUT OUTPUT`
struct VideoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "video",
    abstract: "Restore a video and enlarge it.",
    discussion: """
      Frames are read and written by ffmpeg, which has to be installed. Sound, subtitles, chapters, metadata, \
      the frames' times and the tags of their colours are kept; frames that are stored rotated come out \
      upright. Between scene cuts noise and codes follow the motion, so that still content does not flicker. \
      The output appears when it is complete; until then the work is in OUTPUT.partial, and the same command \
      goes on with it after Ctrl-C or a crash.
      """)

  @Argument(help: "The video.")
  var input: String

  @Argument(
    help:
      "The restored video; its extension gives the container: .mp4, .mkv, .mov, .webm, ..., or .gif, .webp, .png for an animated picture."
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

  func validate() throws {
    for (name, value) in [("the input", input), ("the output", output)] where value.isEmpty {
      throw ValidationError("\(name) is empty; name a video file")
    }
    guard !(output as NSString).pathExtension.isEmpty else {
      throw ValidationError(
        "\(output): has no extension, which gives the container; call it \(output).mp4")
    }
    for (name, value) in [("--codec", codec), ("--preset", preset)] {
      if value == "" { throw ValidationError("\(name) is empty; leave it out or name one") }
    }
  }

  func run() throws {
    Interruption.install()
    let tools = try FFmpeg()
    let video = try VideoProperties(input, tools)
    if !overwrite, FileManager.default.fileExists(atPath: output) {
      throw FileError.exists(path: output)
    }
    let folder = try model.folder()
    let options = options(folder.configuration)
    var loader = try compute.loader(memory: memory.limit)
    loader.window = options.pictures.resolver.window
    loader.strength = restoration.dial
    let plan = try loader.plan(folder)
    if let text = plan.memory.note { note("note: \(text)") }
    let settings = try settings(folder, plan.policy)
    let upscaler = VideoUpscaler(PhotoUpscaler(try plan.resolver()), tools)

    let display = ProgressDisplay((input as NSString).lastPathComponent)
    let start = Date()
    do {
      let report = try upscaler(
        video, to: output, options, settings: settings,
        started: { if $0 > 0 { note("going on after frame \($0) of \(output).partial") } }
      ) { done, all in
        if Interruption.isRequested { throw CancellationError() }
        if all > 0 { display.update(done / Double(all)) }
      }
      display.clear()
      for warning in report.warnings { note("warning: \(input): \(warning)") }
      let (from, to) = (report.inputSize, report.outputSize)
      try StandardOutput.print(
        "\(output): \(counted(report.frameCount, "frame")), "
          + "\(from.width)x\(from.height) -> \(to.width)x\(to.height), "
          + ProgressLine.duration(Date().timeIntervalSince(start)))
    } catch is CancellationError {
      display.clear()
      note(
        FileManager.default.fileExists(atPath: output + ".partial")
          ? "stopped; the same command goes on with \(output).partial"
          : "stopped before the first segment was complete; nothing is left")
      throw ExitCode(Interruption.status)
    } catch {
      display.clear()
      throw error
    }
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

  /// The settings that the frames depend on, by the names of options: a run goes on with a
  /// half-finished video when all of them are the same.
  private func settings(_ folder: ModelFolder, _ policy: ComputePolicy) throws -> [String: String] {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let twin =
      folder.hasTwin
      ? try FileManager.default.contentsOfDirectory(atPath: folder.twinPath) : []
    let weights = try (files + twin.map { "\(ModelFolder.twin)/\($0)" }).sorted()
      .filter { $0.hasSuffix(".safetensors") }
      .map { hexadecimal(try fingerprint(ofFile: "\(folder.path)/\($0)")) }
    return [
      "input": hexadecimal(try fingerprint(ofFile: input)),
      "--model": ([folder.configuration.name] + weights).joined(separator: " "),
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
