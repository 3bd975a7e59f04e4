import Files
import Foundation
import Imaging
import NSARM
import Torch
import Upscaling

/// From video file to restored video file: frames are decoded by ffmpeg, restored so that they do
/// not flicker, and encoded by ffmpeg. Sound, subtitles, chapters and metadata go along; frames
/// keep their times, their colours their tags.
///
/// The output appears under its name when it is complete. Until then the work is kept in a folder
/// beside it, from which a run that was stopped goes on.
public final class VideoUpscaler {
  public struct Options: Sendable {
    /// Of the frames: scale, colours, seed, sampling, tiles.
    public var pictures = PhotoUpscaler.Options()
    public var encoding = VideoEncoding()
    /// How the frames of a scene are kept alike; nil: every frame is restored on its own, with
    /// noise of its own.
    public var consistency: Scene.Options? = Scene.Options()
    /// Frames of a segment: what is lost at most when a run is killed.
    public var segmentLength = 50
    /// Whether an existing output is replaced.
    public var overwrite = false

    public init() {}
  }

  /// What was done.
  public struct Report: Sendable {
    public let inputSize, outputSize: (width: Int, height: Int)
    public let frameCount, sceneCount: Int
    /// Frames that an earlier run had restored.
    public let continuedFrom: Int
    /// What was lost or had to be guessed, a line each.
    public let warnings: [String]
  }

  public let upscaler: PhotoUpscaler
  private let tools: FFmpeg

  /// - Throws: `VideoError` where ffmpeg is not installed.
  public init(_ upscaler: PhotoUpscaler, _ tools: FFmpeg) {
    self.upscaler = upscaler
    self.tools = tools
  }

  /// Restores one video.
  ///
  /// - Parameters:
  ///   - settings: what the work depends on beside `options`, such as the model, by names that a
  ///     message may tell: a run that was stopped is gone on with when all of it is the same.
  ///   - started: called when the first frame is about to be restored, with how many an earlier run
  ///     had restored.
  ///   - progress: called often with the number of frames that are done and of all; an error thrown
  ///     here stops the work, which the next run with the same options goes on with.
  /// - Throws: `VideoError`, `FileError`, `SuperResolutionError`.
  @discardableResult
  public func callAsFunction(
    _ input: VideoProperties, to output: String, _ options: Options = Options(),
    settings: [String: String] = [:], started: (Int) -> Void = { _ in },
    progress: @escaping (_ done: Double, _ all: Int) throws -> Void = { _, _ in }
  ) throws -> Report {
    guard PathIdentity(input.path) != PathIdentity(output) else {
      throw VideoError(output, "is the input itself; choose another name for the output")
    }
    let size = Self.outputSize(input, scale: options.pictures.scale)
    guard size.width * size.height <= Self.maximumPixels else {
      throw VideoError(
        input.path,
        "its frames would have \(size.width)x\(size.height) pixels, and \(Self.maximumPixels) are the most "
          + "that is written; take a smaller scale")
    }
    let file = try AtomicFile(output, overwrite: options.overwrite)
    let work = try WorkFolder(for: output, settings: settings)
    defer { work.removeIfEmpty() }
    let fileExtension = (output as NSString).pathExtension
    let trial = "\(work.path)/trial.\(fileExtension)"
    try tryEncoding(input, size, options, output: output, trial: trial, in: work)
    let streams = StreamPlan(input, trial: trial, tools)

    var run = Run(upscaler, input, size, options, work, output: output, tools)
    started(work.frameCount)
    let continued = work.frameCount
    let warnings = try run.restore(progress: progress)
    try mux(input, work, streams, to: FFmpeg.file(file.temporaryPath(extension: fileExtension)))
    try file.commit()
    let count = work.frameCount
    work.remove()
    return Report(
      inputSize: (input.width, input.height), outputSize: size, frameCount: count,
      sceneCount: run.sceneCount, continuedFrom: continued,
      warnings: warnings + input.warnings + streams.notes)
  }

  /// The size of the output: ⌊n · scale + ½⌋ along a side, and even, as colours at half the
  /// resolution need it.
  public static func outputSize(_ input: VideoProperties, scale: Double)
    -> (width: Int, height: Int)
  {
    func even(_ pixels: Int) -> Int { max(2, Int((Double(pixels) * scale / 2).rounded()) * 2) }
    return (even(input.width), even(input.height))
  }

  /// No codec's levels go further.
  private static let maximumPixels = 1 << 27

  /// Encodes a black frame and puts it into the output's container, so that what cannot be written
  /// fails before the work.
  private func tryEncoding(
    _ input: VideoProperties, _ size: (width: Int, height: Int), _ options: Options,
    output: String, trial: String, in work: WorkFolder
  ) throws {
    let segment = work.path + "/trial.nut"
    defer { for path in [segment, trial] { unlink(path) } }
    let writer = try SegmentWriter(
      segment, output: output, size: size, options.encoding, input,
      timeBase: input.frameRate.inverse, tools)
    try writer.append(Planes(width: size.width, height: size.height, channels: 3), time: 0)
    try writer.finish()
    try tools.run(
      ["-i", FFmpeg.file(segment), "-c", "copy", "-y", FFmpeg.file(trial)], for: output)
  }

  /// Puts the segments and what goes along into one file.
  private func mux(
    _ input: VideoProperties, _ work: WorkFolder, _ streams: StreamPlan, to file: String
  ) throws {
    let base = work.timeBase ?? input.frameRate.inverse
    let start = Int64((Double(work.firstTime ?? 0) * base.value * 1e6).rounded())
    let isMP4 = ["mp4", "m4v", "mov"].contains((file as NSString).pathExtension.lowercased())
    // Times of MP4 are multiples of a unit of the track.
    let units =
      isMP4 && base.numerator == 1
      ? ["-video_track_timescale", "\(base.denominator)", "-movflags", "+faststart"]
      : isMP4 ? ["-movflags", "+faststart"] : []
    try tools.run(
      ["-itsoffset", "\(start)us", "-f", "concat", "-i", FFmpeg.file(work.writeList())]
        + ["-i", FFmpeg.file(input.path), "-map", "0:v:0", "-c:0", "copy"] + streams.arguments
        + ["-map_metadata", "1", "-map_chapters", "1"]
        // Frames are upright now.
        + ["-map_metadata:s:v:0", "1:s:\(input.index)", "-metadata:s:v:0", "rotate="]
        + units + ["-y", file], for: String(file.dropFirst("file:".count)))
  }
}

extension VideoProperties {
  /// What the output lacks or has otherwise than the input.
  var warnings: [String] {
    (hasAlpha ? ["transparency is left out"] : [])
      + (isInterlaced ? ["interlaced frames were deinterlaced"] : [])
  }
}
