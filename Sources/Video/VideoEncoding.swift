/// How restored frames are encoded.
public struct VideoEncoding: Codable, Equatable, Sendable {
  /// An encoder by ffmpeg's name.
  public var codec = "libx264"
  /// Constant rate factor: lower is better and larger. nil: what suits the codec.
  public var crf: Int?
  /// The encoder's speed, by its own names. nil: its default.
  public var preset: String?

  public init() {}

  /// Codecs with a rate factor, and the one that looks as good as the restored frames.
  private static let factors = [
    "libx264": 18, "libx265": 20, "libaom-av1": 24, "libsvtav1": 24, "libvpx-vp9": 24,
  ]

  /// Options of ffmpeg for frames like those of `properties`.
  func arguments(_ properties: VideoProperties) -> [String] {
    let factor = crf ?? Self.factors[codec]
    return ["-c:v", codec] + (factor.map { ["-crf", "\($0)"] } ?? [])
      + (preset.map { ["-preset", $0] } ?? []) + (codec == "libvpx-vp9" ? ["-b:v", "0"] : [])
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
