import Files
import Foundation
import Imaging
import NSARM
import Torch
import Upscaling

/// Restores a video file: ffmpeg decodes the frames, they are restored without flicker, and ffmpeg
/// encodes them. Sound, subtitles, chapters and metadata are kept, as are the frames' times and
/// colour tags.
///
/// The output appears under its name when it is complete. Until then the work is kept in a folder
/// beside it, from which an interrupted run resumes.
public final class VideoUpscaler {
  public struct Options: Sendable {
    /// Options for the frames: size (odd sides become even where the format requires it), colours,
    /// seed, sampling, tiles.
    public var pictures = PhotoUpscaler.Options()
    public var encoding = VideoEncoding()
    /// The consistency between the frames of a scene; nil: every frame is restored independently,
    /// with noise of its own.
    public var consistency: Scene.Options? = Scene.Options()
    /// The number of frames in a segment: the most that is lost when a run is killed.
    public var segmentLength = 50
    /// Whether an existing output is replaced.
    public var overwrite = false
    /// The number of this process's claim on the output, where several share the work: the work of
    /// an earlier claim is gone on with, out of the reach of the process that had it. nil: this
    /// process works alone.
    public var claim: Int?

    public init() {}
  }

  /// The result of a run.
  public struct Report: Sendable {
    public let inputSize, outputSize: (width: Int, height: Int)
    public let frameCount, sceneCount: Int
    /// The number of frames that an earlier run had restored.
    public let continuedFrom: Int
    /// Warnings about what was lost or guessed, a line each.
    public let warnings: [String]
  }

  public let upscaler: PhotoUpscaler
  private let tools: FFmpeg

  /// - Throws: `VideoError` if ffmpeg is not installed.
  public init(_ upscaler: PhotoUpscaler, _ tools: FFmpeg) {
    self.upscaler = upscaler
    self.tools = tools
  }

  /// Restores one video.
  ///
  /// - Parameters:
  ///   - settings: what the result depends on besides `options`, such as the model, by names that
  ///     messages can show. An interrupted run is resumed only if all of it is the same.
  ///   - started: called when the first frame is about to be restored, with the number of frames
  ///     that an earlier run had restored.
  ///   - progress: called often with the numbers of frames done and in all; an error thrown here
  ///     stops the work, which the next run with the same options resumes.
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
    try options.encoding.check(output)
    let animated = AnimatedFormat(path: output)
    let scale = try options.pictures.size.scale(
      width: input.width, height: input.height, path: input.path)
    let size = Self.outputSize(input, scale: scale, isEven: animated == nil)
    guard size.width * size.height <= Self.maximumPixels else {
      throw VideoError(
        input.path,
        "its frames would have \(size.width)x\(size.height) pixels, more than the limit of"
          + " \(Self.maximumPixels); choose a smaller scale")
    }
    let file = try AtomicFile(output, overwrite: options.overwrite)
    let work = try WorkFolder(
      for: output, at: options.claim.map { WorkFolder.takeOver(output, claim: $0) },
      settings: settings)
    defer { work.removeIfEmpty() }
    let muxer = VideoMuxer(
      input: input, size: size, encoding: options.encoding, output: output, tools: tools)
    try muxer.tryEncoding(in: work)
    let streams =
      animated.map { StreamPlan(leftOut: input, format: $0.name) }
      ?? StreamPlan(input, trial: muxer.trial(in: work), tools)

    var run = Run(upscaler, input, size, options, work, muxer)
    started(work.frameCount)
    let continued = work.frameCount
    let warnings = try run.restore(progress: progress)
    let suffix = (output as NSString).pathExtension
    try muxer(work, streams, to: file.temporaryPath(extension: suffix))
    try file.commit()
    let count = work.frameCount
    work.remove()
    return Report(
      inputSize: (input.width, input.height), outputSize: size, frameCount: count,
      sceneCount: run.sceneCount, continuedFrom: continued,
      warnings: warnings + input.warnings + streams.notes)
  }

  /// The size of the output: ⌊n · scale + ½⌋ along a side.
  ///
  /// - Parameters:
  ///   - input: the video.
  ///   - scale: pixels of the output per pixel of the input along a side.
  ///   - isEven: whether sides must be even, as chroma at half the resolution requires; not for
  ///     animated pictures.
  public static func outputSize(_ input: VideoProperties, scale: Double, isEven: Bool = true)
    -> (width: Int, height: Int)
  {
    let unit = isEven ? 2 : 1
    func side(_ pixels: Int) -> Int {
      max(unit, Int((Double(pixels) * scale / Double(unit)).rounded()) * unit)
    }
    return (side(input.width), side(input.height))
  }

  /// The limit of all codecs' levels.
  private static let maximumPixels = 1 << 27
}

extension VideoProperties {
  /// Warnings about differences between the output and the input.
  var warnings: [String] {
    (hidesAlpha ? ["transparency is left out"] : [])
      + (isInterlaced ? ["interlaced frames were deinterlaced"] : [])
  }
}
