import Foundation

/// How restored frames are encoded.
public struct VideoEncoding: Codable, Equatable, Sendable {
  /// An encoder by ffmpeg's name. nil: what suits the output's extension.
  public var codec: String?
  /// Constant rate factor: lower is better and larger. nil: what suits the codec.
  public var crf: Int?
  /// The encoder's speed, by its own names. nil: its default.
  public var preset: String?

  public init() {}

  /// The encoder for an output: VP9 in WebM, H.264 elsewhere; animated pictures have their own.
  ///
  /// - Parameter output: its name, of which the extension counts.
  public func codec(for output: String) -> String {
    if let codec { return codec }
    if let format = AnimatedFormat(path: output) { return format.codec }
    return (output as NSString).pathExtension.lowercased() == "webm" ? "libvpx-vp9" : "libx264"
  }

  /// Checks what can be told without ffmpeg.
  /// - Throws: `VideoError`.
  func check(_ output: String) throws {
    let suffix = (output as NSString).pathExtension
    guard let format = AnimatedFormat(path: output) else {
      guard !Self.pictures.contains(suffix.lowercased()) else {
        throw VideoError(
          output, "is named like a picture; a video ends in .mp4, .mkv, .webm or .gif")
      }
      if preset != nil, self.codec(for: output).hasPrefix("libvpx") {
        throw VideoError(
          output, "a preset is for other encoders than \(self.codec(for: output)); leave it out")
      }
      return
    }
    guard codec == nil || codec == format.codec else {
      throw VideoError(
        output,
        "\(codec!) does not go into .\(suffix); leave the codec out, or choose another extension, "
          + "such as .mkv")
    }
    guard crf == nil, preset == nil else {
      throw VideoError(
        output,
        "\(crf != nil ? "a rate factor" : "a preset") is for encoders of videos, and "
          + "\(format.name) has none; leave it out")
    }
  }

  /// Extensions of pictures, into which ffmpeg would write whatever it is given.
  private static let pictures: Set = ["jpg", "jpeg", "tif", "tiff", "bmp", "jxl", "heic", "avif"]

  /// Codecs with a rate factor, and the one that looks as good as the restored frames.
  private static let factors = [
    "libx264": 18, "libx265": 20, "libaom-av1": 24, "libsvtav1": 24, "libvpx-vp9": 24,
  ]

  /// Options of ffmpeg for frames like those of `properties`.
  func arguments(_ properties: VideoProperties, for output: String) -> [String] {
    let codec = codec(for: output)
    let factor = crf ?? Self.factors[codec]
    return ["-c:v", codec] + (factor.map { ["-crf", "\($0)"] } ?? [])
      + (preset.map { ["-preset", $0] } ?? [])
      + (codec == "libvpx-vp9" ? ["-b:v", "0", "-row-mt", "1"] : [])
      + properties.colors.arguments
  }

  /// What turns RGB into what is encoded: Y'CbCr by the input's matrix, with half as many colours
  /// a side, with 10 bit where the input has more than 8.
  static func filters(_ properties: VideoProperties) -> String {
    let (colors, ratio) = (properties.colors, properties.sampleAspectRatio)
    return "scale=flags=bicubic+accurate_rnd+full_chroma_int:out_color_matrix=\(colors.scaleMatrix)"
      + ":out_range=\(colors.isFullRange ? "pc" : "tv")"
      + ",format=\(properties.isDeep ? "yuv420p10le" : "yuv420p"),setsar=\(ratio)"
  }
}
