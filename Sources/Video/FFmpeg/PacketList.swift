import Foundation

/// The encoded frames of a stream, read without decoding them.
struct PacketList {
  /// Of each in the order of the file: when it is shown, when it is decoded and how long it is
  /// shown, in seconds; not a number where the file does not tell.
  private var times: [(shown: Double, decoded: Double, duration: Double)] = []

  /// - Parameters:
  ///   - path: the file.
  ///   - index: the stream's number in the file.
  ///   - start: where reading goes on after the first packet, in seconds; nil: all are read.
  ///   - tools: ffprobe.
  init(_ path: String, _ index: Int, from start: Double? = nil, _ tools: FFmpeg) throws {
    let interval = start.flatMap { $0 > 0 ? ["-read_intervals", "%+#1,\($0)%"] : nil } ?? []
    let data = try tools.probe(
      path,
      ["-select_streams", "\(index)"] + interval
        + ["-show_entries", "packet=pts_time,dts_time,duration_time,flags", "-of", "csv=p=0"])
    for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      // "D" marks what decoders throw away, such as what lies behind the end of an edit list.
      guard fields.count >= 4, !fields[3].contains("D") else { continue }
      let numbers = fields.map { Double($0) ?? .nan }
      times.append((numbers[0], numbers[1], numbers[2]))
    }
  }

  var count: Int { times.count }

  /// How long the last frame is shown; nil where the file does not tell.
  var lastDuration: Double? {
    let last = times.filter { !$0.shown.isNaN }.max { $0.shown < $1.shown }
    return last.flatMap { $0.duration > 0 ? $0.duration : nil }
  }

  /// How long the last frame is shown in MP4, whose durations are those between frames as they are
  /// decoded.
  /// - Parameter length: the stream's duration in seconds.
  func lastDuration(ofLength length: Double) -> Double? {
    guard let first = times.first, let last = times.last else { return nil }
    let duration = length - (last.decoded - first.decoded)
    // Less than a microsecond is what ffprobe rounds.
    return duration > 1e-6 ? duration : nil
  }

  /// Frames by the time from the first to the end of the last, where all have been read.
  var frameRate: VideoProperties.Ratio? {
    guard let first = times.first, let last = times.last, let duration = lastDuration else {
      return nil
    }
    let microseconds = Int(((last.shown + duration - first.shown) * 1e6).rounded())
    return microseconds > 0 ? .init(1_000_000 * count, microseconds) : nil
  }
}

/// How long a file is by what its container says.
struct VideoLength {
  /// nil where it does not tell.
  let seconds: Double?

  init(_ path: String, _ tools: FFmpeg) throws {
    struct Probe: Decodable {
      struct Format: Decodable { let duration: String? }
      let format: Format
    }
    let data = try tools.probe(path, ["-show_entries", "format=duration"])
    let probe = try? JSONDecoder().decode(Probe.self, from: data)
    seconds = probe?.format.duration.flatMap { Double($0) }
  }
}
