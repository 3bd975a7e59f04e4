import Foundation
import Imaging

/// Assembles the output from the encoded segments, and checks beforehand that it can.
struct VideoMuxer {
  let input: VideoProperties
  let size: (width: Int, height: Int)
  let encoding: VideoEncoding
  let output: String
  let tools: FFmpeg

  private var fileExtension: String { (output as NSString).pathExtension }

  /// The animated picture to make; nil: a video.
  func animation(timeBase: VideoProperties.Ratio) -> AnimatedPicture? {
    AnimatedFormat(path: output).map { AnimatedPicture($0, input, timeBase: timeBase) }
  }

  /// A temporary file in the work folder.
  func trial(in work: WorkFolder) -> String { "\(work.path)/trial.\(fileExtension)" }

  /// Encodes a black frame into the output's container, so that an impossible output fails before
  /// the work begins.
  func tryEncoding(in work: WorkFolder) throws {
    let (segment, trial) = (work.path + "/trial.nut", trial(in: work))
    defer { for path in [segment, trial] { unlink(path) } }
    let base = input.frameRate.inverse
    let animation = animation(timeBase: base)
    let writer = try SegmentWriter(
      segment, output: output, size: size, encoding, input, animation: animation, timeBase: base,
      tools)
    try writer.append(FloatImage(width: size.width, height: size.height, channels: 3), time: 0)
    try writer.finish()
    let source = ["-i", FFmpeg.file(segment)]
    if let animation {
      return try animation.encode(
        source, last: 0, duration: base.value, palette: work.path + "/trial.palette.png", to: trial,
        for: output, tools)
    }
    do {
      try tools.run(source + ["-c", "copy", "-y", FFmpeg.file(trial)], for: output)
    } catch let error as VideoError {
      // ffmpeg's message names a temporary file that users do not know.
      let prefix = "\(output): ffmpeg failed: "
      let reason = error.description.replacingOccurrences(of: FFmpeg.file(trial), with: output)
        .dropFirst(prefix.count)
      throw VideoError(
        output,
        "\(encoding.codec(for: output)) cannot be stored in .\(fileExtension) (ffmpeg: \(reason)); "
          + "choose another codec or another extension, such as .mkv")
    }
  }

  /// Puts the segments and the other streams into one file.
  func callAsFunction(_ work: WorkFolder, _ streams: StreamPlan, to path: String) throws {
    let base = work.timeBase ?? input.frameRate.inverse
    let list = FFmpeg.file(try work.writeList())
    if let animation = animation(timeBase: base) {
      return try animation.encode(
        ["-f", "concat", "-i", list], last: Double(work.length) * base.value,
        duration: input.lastDuration, palette: work.path + "/trial.palette.png", to: path,
        for: output, tools)
    }
    let start = Int64((Double(work.firstTime ?? 0) * base.value * 1e6).rounded())
    let isMP4 = ["mp4", "m4v", "mov"].contains(fileExtension.lowercased())
    // Times in MP4 are multiples of the track's unit.
    let units =
      isMP4 && base.numerator == 1 ? ["-video_track_timescale", "\(base.denominator)"] : []
    let video =
      ["-itsoffset", "\(start)us", "-f", "concat", "-i", list]
      + ["-i", FFmpeg.file(input.path), "-map", "0:v:0", "-c:0", "copy"] + units
    try tools.run(
      video + streams.arguments + ["-map_metadata", "1", "-map_chapters", "1"]
        // Frames are upright now.
        + ["-map_metadata:s:v:0", "1:s:\(input.index)", "-metadata:s:v:0", "rotate="]
        + lastDuration(work, base, video) + (isMP4 ? ["-movflags", "+faststart"] : [])
        + ["-y", FFmpeg.file(path)], for: output)
  }

  /// Options that set the last frame's duration if it differs from ffmpeg's assumption, which is
  /// the frame rate's: segments have no durations.
  ///
  /// - Parameter video: options for the output without other streams.
  private func lastDuration(
    _ work: WorkFolder, _ base: VideoProperties.Ratio, _ video: [String]
  ) throws -> [String] {
    let containers = ["mp4", "m4v", "mov", "mkv", "webm"]
    guard containers.contains(fileExtension.lowercased()),
      abs(input.lastDuration - input.frameRate.inverse.value) > base.value
    else { return [] }
    // The unit of the filter's times depends on the container and on ffmpeg's version, so it is
    // measured on the first frame.
    let trial = trial(in: work)
    defer { unlink(trial) }
    let count = 1 << 20
    try tools.run(
      video + [
        "-frames:v", "1", "-bsf:v", "setts=pts=PTS:dts=DTS:duration=\(count)", "-y",
        FFmpeg.file(trial),
      ],
      for: output)
    guard let length = try? VideoLength(trial, tools).seconds, length > 0 else { return [] }
    let start = Double(work.firstTime ?? 0) * base.value
    let unit =
      (length - (["mkv", "webm"].contains(fileExtension.lowercased()) ? start : 0))
      / Double(count)
    guard unit > 0 else { return [] }
    let last = Int((Double(work.length) * base.value / unit).rounded())
    let duration = max(1, Int((input.lastDuration / unit).rounded()))
    // The last frames in presentation order and in decoding order; no frame ends later.
    let isLast =
      "eq(N\\,\(work.frameCount - 1))+lt(abs(PTS-STARTPTS-\(last))\\,1.5)"
    return [
      "-bsf:v",
      "setts=pts=PTS:dts=DTS:duration=if(\(isLast)\\,\(duration)\\,"
        + "min(DURATION\\,\(last + duration)-(PTS-STARTPTS)))",
    ]
  }
}
