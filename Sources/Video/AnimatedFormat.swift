import Foundation

/// Formats of animated pictures, which hold frames only. They are encoded from all frames at the
/// end, with transparency.
enum AnimatedFormat: String {
  case gif, webp, apng

  /// The format of a file name extension; a PNG of several frames is an APNG.
  init?(path: String) {
    let suffix = (path as NSString).pathExtension.lowercased()
    self.init(rawValue: suffix == "png" ? "apng" : suffix)
  }

  var name: String {
    switch self {
    case .gif: "GIF"
    case .webp: "animated WebP"
    case .apng: "APNG"
    }
  }

  /// ffmpeg's name of the encoder.
  var codec: String { self == .webp ? "libwebp_anim" : rawValue }

  /// The unit of times in seconds; nil: any.
  var tick: VideoProperties.Ratio? {
    switch self {
    case .gif: .init(1, 100)
    case .webp: .init(1, 1000)
    case .apng: nil
    }
  }

  /// The highest frame rate that programs display: many take the shortest delay of a GIF for none.
  var fastestRate: Double? { self == .gif ? 50 : nil }
}

/// The options of an animated picture.
struct AnimatedPicture {
  let format: AnimatedFormat
  let isDeep, hasAlpha: Bool
  /// The number of times the animation is played; 0: endlessly.
  let plays: Int
  /// Whether frames beyond the highest displayed rate are dropped.
  let limitsRate: Bool
  let timeBase: VideoProperties.Ratio

  init(
    _ format: AnimatedFormat, _ input: VideoProperties, timeBase: VideoProperties.Ratio
  ) {
    self.format = format
    isDeep = input.isDeep && format == .apng
    hasAlpha = input.hasAlpha
    plays = input.plays ?? 0
    limitsRate = format.fastestRate.map { input.frameRate.value > $0 * 1.001 } ?? false
    self.timeBase = timeBase
  }

  /// Encodes the input that `source` describes in ffmpeg's options.
  /// - Parameters:
  ///   - last: the time from the first frame to the last, in seconds.
  ///   - duration: the duration of the last frame, in seconds.
  ///   - palette: a temporary file for the colours of a GIF, which is removed.
  ///   - file: the file to write.
  ///   - output: the output's path for error messages.
  func encode(
    _ source: [String], last: Double, duration: Double, palette: String, to file: String,
    for output: String, _ tools: FFmpeg
  ) throws {
    let rate = limitsRate ? "fps=\(Int(format.fastestRate!))," : ""
    let base = format.tick ?? timeBase
    let end = ((last + duration) / base.value).rounded()
    let delay = limitsRate ? 2 : max(1, Int(end - (last / base.value).rounded()))
    let times = ["-fps_mode", "passthrough", "-enc_time_base", base.description]
    let finish = ["-f", format.rawValue, "-y", FFmpeg.file(file)]
    switch format {
    case .gif:
      defer { unlink(palette) }
      try tools.run(
        source + ["-vf", rate + "palettegen", "-update", "1", "-y", FFmpeg.file(palette)],
        for: output)
      try tools.run(
        source + ["-i", FFmpeg.file(palette), "-lavfi"]
          + ["[0:v]\(rate)null[v];[v][1:v]paletteuse=diff_mode=rectangle"] + times
          + ["-c:v", format.codec, "-loop", plays == 0 ? "0" : "\(plays == 1 ? -1 : plays - 1)"]
          + ["-final_delay", "\(delay)"] + finish, for: output)
    case .webp:
      try tools.run(
        source + times + ["-c:v", format.codec, "-quality", "90", "-pix_fmt", "bgra"]
          + ["-loop", "\(plays)"] + finish, for: output)
      try AnimationFile.setDuration(
        milliseconds: Int(end), ofWebP: file)
    case .apng:
      let pixels = (hasAlpha ? "rgba" : "rgb") + (isDeep ? (hasAlpha ? "64be" : "48be") : "")
      try tools.run(
        source + times + ["-c:v", format.codec, "-pred", "mixed"]
          + ["-pix_fmt", pixels == "rgb" ? "rgb24" : pixels, "-plays", "\(plays)"]
          + ["-final_delay", "\(delay * base.numerator)/\(base.denominator)"] + finish,
        for: output)
    }
  }

  /// The lossless encoder and pixel format of the segments.
  var segmentArguments: [String] { ["-c:v", "ffv1", "-level", "3"] }

  var segmentFilters: String {
    "format=" + (hasAlpha ? "gbrap" : "gbrp") + (isDeep ? "16le" : "")
  }
}
