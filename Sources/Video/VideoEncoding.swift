import Foundation

/// Options for encoding the restored frames.
public struct VideoEncoding: Codable, Equatable, Sendable {
  /// ffmpeg's name of an encoder. nil: a default for the output's extension.
  public var codec: String?
  /// The constant rate factor: lower is better and larger. nil: a default for the codec.
  public var crf: Int?
  /// The encoder's preset, by its own names. nil: its default.
  public var preset: String?

  public init() {}

  /// The encoder for an output: VP9 in WebM, H.264 elsewhere; animated pictures have their own.
  ///
  /// - Parameter output: the output's name, whose extension decides.
  public func codec(for output: String) -> String {
    if let codec { return codec }
    if let format = AnimatedFormat(path: output) { return format.codec }
    return (output as NSString).pathExtension.lowercased() == "webm" ? "libvpx-vp9" : "libx264"
  }

  /// Checks the options as far as possible without ffmpeg.
  /// - Throws: `VideoError`.
  func check(_ output: String) throws {
    let suffix = (output as NSString).pathExtension
    guard let format = AnimatedFormat(path: output) else {
      guard !Self.pictures.contains(suffix.lowercased()) else {
        throw VideoError(
          output, "has a picture's extension; those of videos are .mp4, .mkv, .webm or .gif")
      }
      if preset != nil, self.codec(for: output).hasPrefix("libvpx") {
        throw VideoError(
          output, "a preset cannot be used with \(self.codec(for: output)); leave it out")
      }
      return
    }
    guard codec == nil || codec == format.codec else {
      throw VideoError(
        output,
        "\(codec!) cannot be stored in .\(suffix); leave the codec out, or choose another"
          + " extension, such as .mkv")
    }
    guard crf == nil, preset == nil else {
      throw VideoError(
        output,
        "\(crf != nil ? "a rate factor" : "a preset") is for encoders of videos, and "
          + "\(format.name) has none; leave it out")
    }
  }

  /// Extensions of still pictures, which ffmpeg would write without complaint.
  private static let pictures: Set = ["jpg", "jpeg", "tif", "tiff", "bmp", "jxl", "heic", "avif"]

  /// Codecs with a rate factor, and a factor that is visually lossless.
  private static let factors = [
    "libx264": 18, "libx265": 20, "libaom-av1": 24, "libsvtav1": 24, "libvpx-vp9": 24,
  ]

  /// Options of ffmpeg for encoding frames like those of `properties`.
  func arguments(_ properties: VideoProperties, for output: String) -> [String] {
    let codec = codec(for: output)
    let factor = crf ?? Self.factors[codec]
    return ["-c:v", codec] + (factor.map { ["-crf", "\($0)"] } ?? [])
      + (preset.map { ["-preset", $0] } ?? [])
      + (codec == "libvpx-vp9" ? ["-b:v", "0", "-row-mt", "1"] : [])
      + properties.colors.arguments
  }

  /// The pixel format: Y'CbCr by the input's matrix, with chroma at half the resolution, 10 bits if
  /// the input has more than 8.
  static func filters(_ properties: VideoProperties) -> String {
    let (colors, ratio) = (properties.colors, properties.sampleAspectRatio)
    return "scale=flags=bicubic+accurate_rnd+full_chroma_int:out_color_matrix=\(colors.scaleMatrix)"
      + ":out_range=\(colors.isFullRange ? "pc" : "tv")"
      + ",format=\(properties.isDeep ? "yuv420p10le" : "yuv420p"),setsar=\(ratio)"
  }
}
