import Foundation

/// The properties of a video file.
public struct VideoProperties: Equatable, Sendable {
  /// A stream other than the video.
  struct OtherStream: Equatable {
    /// The index in the file.
    let index: Int
    /// "audio", "subtitle", "video" (such as a cover picture), "data", "attachment".
    let kind: String
    let codec: String
  }

  public let path: String
  /// The index of the video stream.
  let index: Int
  /// The size when upright, in pixels.
  public let width, height: Int
  /// The aspect ratio of a pixel when upright.
  let sampleAspectRatio: Ratio
  /// Whether samples have more than 8 bits.
  public let isDeep: Bool
  let isInterlaced: Bool
  /// Whether frames may have transparent pixels.
  let hasAlpha: Bool
  /// Whether there is transparency that ffmpeg's decoders ignore.
  let hidesAlpha: Bool
  let colors: ColorTags
  /// The approximate number of frames.
  public let frameCount: Int
  let others: [OtherStream]
  public let frameRate: Ratio
  /// The duration of the last frame in seconds.
  let lastDuration: Double
  /// The number of times an animated picture is played; 0: endlessly, nil: not an animated picture.
  let plays: Int?

  /// The channels of decoded frames: RGB, with alpha if there is transparency.
  var channels: Int { hasAlpha ? 4 : 3 }

  /// A fraction in ffmpeg's notation, "num:den" or "num/den".
  public struct Ratio: Equatable, Sendable, CustomStringConvertible {
    public var numerator, denominator: Int

    init(_ numerator: Int, _ denominator: Int) {
      self.numerator = numerator
      self.denominator = denominator
    }

    /// Fails if the text is not a fraction or a part of it is 0.
    init?(_ text: String?) {
      let parts = (text ?? "").split(whereSeparator: { ":/".contains($0) }).compactMap { Int($0) }
      guard parts.count == 2, parts[0] > 0, parts[1] > 0 else { return nil }
      self.init(parts[0], parts[1])
    }

    var inverse: Ratio { Ratio(denominator, numerator) }
    public var value: Double { Double(numerator) / Double(denominator) }
    public var description: String { "\(numerator)/\(denominator)" }
  }

  /// - Throws: `VideoError` if the file is missing, damaged, or has no video.
  public init(_ path: String, _ tools: FFmpeg) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw VideoError(path, "no such file")
    }
    let data = try tools.probe(path, ["-show_streams", "-show_format"])
    guard let probe = try? JSONDecoder().decode(Probe.self, from: data) else {
      throw VideoError(path, "not a video that ffmpeg can read (ffprobe reports nothing)")
    }
    guard
      let stream = probe.streams.first(where: {
        $0.codec_type == "video" && $0.disposition?["attached_pic"] != 1
      })
    else { throw VideoError(path, "contains no video") }
    let container = probe.format?.format_name ?? ""
    let isAnimatedWebP = container.contains("webp") && AnimationFile.isAnimatedWebP(path)
    if isAnimatedWebP, (stream.width ?? 0) == 0 {
      throw VideoError(
        path,
        "is an animated WebP, which this ffmpeg does not decode; convert it to a GIF or an APNG "
          + "first, such as with ImageMagick: convert in.webp in.gif")
    }
    guard !(container == "image2" || container.hasSuffix("_pipe")) || isAnimatedWebP else {
      throw VideoError(path, "is a picture, not a video", isPicture: true)
    }
    guard let width = stream.width, let height = stream.height, width > 0, height > 0 else {
      throw VideoError(path, "the size of its frames is unknown; the file may be damaged")
    }
    self.path = path
    index = stream.index
    let isTurned = abs(stream.rotation) % 180 == 90
    (self.width, self.height) = isTurned ? (height, width) : (width, height)
    let ratio = Ratio(stream.sample_aspect_ratio) ?? Ratio(1, 1)
    sampleAspectRatio = isTurned ? ratio.inverse : ratio
    let format = stream.pix_fmt ?? ""
    isDeep = format.contains(#/(9|1[0-6])(le|be)$|(48|64)(le|be)$|f(16|32)(le|be)$/#)
    hasAlpha = format.contains(#/^(yuva|rgba|bgra|argb|abgr|gbrap|ya|pal8)/#)
    hidesAlpha =
      !hasAlpha && ["vp8", "vp9"].contains(stream.codec_name)
      && (stream.tags ?? [:]).contains { $0.key.lowercased() == "alpha_mode" && $0.value != "0" }
    isInterlaced = ["tt", "bb", "tb", "bt"].contains(stream.field_order ?? "")
    colors = ColorTags(stream, width: width, height: height)
    others = probe.streams.filter { $0.index != stream.index }.map {
      OtherStream(
        index: $0.index, kind: $0.codec_type ?? "data", codec: $0.codec_name ?? "unknown")
    }
    let packets: PacketList
    let length = stream.duration.flatMap { Double($0) }
    if let count = stream.nb_frames.flatMap({ Int($0) }), count > 0 {
      frameCount = count
      let start = stream.start_time.flatMap { Double($0) } ?? 0
      packets = try PacketList(path, stream.index, from: start + (length ?? 0) - 1, tools)
    } else {
      packets = try PacketList(path, stream.index, tools)
      frameCount = packets.count
    }
    // For GIF and APNG, ffmpeg reports the rate of the shortest delay.
    let told = Ratio(stream.avg_frame_rate) ?? Ratio(stream.r_frame_rate) ?? Ratio(25, 1)
    frameRate = ["gif", "apng"].contains(container) ? packets.frameRate ?? told : told
    let duration = container.contains("mp4") ? length.flatMap(packets.lastDuration) : nil
    lastDuration = duration ?? packets.lastDuration ?? frameRate.inverse.value
    plays = AnimationFile.plays(path)
  }

  private struct Probe: Decodable {
    struct Format: Decodable { let format_name: String? }
    let streams: [ProbedStream]
    let format: Format?
  }
}

/// A stream in ffprobe's description, with ffprobe's names.
struct ProbedStream: Decodable {
  struct SideData: Decodable { let rotation: Double? }

  let index: Int
  let codec_type, codec_name, pix_fmt, field_order, nb_frames: String?
  let width, height: Int?
  let sample_aspect_ratio, avg_frame_rate, r_frame_rate, start_time, duration: String?
  let color_range, color_space, color_transfer, color_primaries: String?
  let disposition: [String: Int]?
  let tags: [String: String]?
  let side_data_list: [SideData]?

  /// The rotation in degrees that makes the picture upright.
  var rotation: Int {
    let degrees =
      side_data_list?.compactMap(\.rotation).first ?? tags?["rotate"].flatMap { Double($0) } ?? 0
    return Int(degrees.rounded())
  }
}

/// The colour description of a video, and the matrix for converting it.
struct ColorTags: Equatable {
  /// ffmpeg's names; nil if the video does not state them.
  let primaries, transfer, range: String?
  /// The matrix between RGB and Y'CbCr. If the video does not state it, that which players assume
  /// for its size; the output states it, since players would assume another one for the new size.
  let matrix: String

  init(_ stream: ProbedStream, width: Int, height: Int) {
    func known(_ text: String?) -> String? {
      text.flatMap { ["unknown", "unspecified", "reserved", ""].contains($0) ? nil : $0 }
    }
    primaries = known(stream.color_primaries)
    transfer = known(stream.color_transfer)
    range = known(stream.color_range)
    let told = known(stream.color_space).flatMap { $0 == "gbr" ? nil : $0 }
    matrix = told ?? (height >= 720 || width >= 1280 ? "bt709" : "smpte170m")
  }

  /// The name of the matrix in ffmpeg's filter `scale`.
  var scaleMatrix: String {
    switch matrix {
    case "bt2020nc", "bt2020c": "bt2020"
    case "bt470bg", "smpte170m": "smpte170m"
    case "bt709", "fcc", "smpte240m": matrix
    default: "bt709"
    }
  }

  var isFullRange: Bool { range == "pc" }

  /// Options of the encoder.
  var arguments: [String] {
    ["-colorspace", matrix, "-color_range", isFullRange ? "pc" : "tv"]
      + (primaries.map { ["-color_primaries", $0] } ?? [])
      + (transfer.map { ["-color_trc", $0] } ?? [])
  }
}
