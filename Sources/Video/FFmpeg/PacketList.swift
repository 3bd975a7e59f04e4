import Foundation

/// The packets of a stream, read without decoding.
struct PacketList {
  /// The presentation times, decoding times and durations of the packets in the order of the file,
  /// in seconds; NaN if the file does not state them.
  private var times: [(shown: Double, decoded: Double, duration: Double)] = []

  /// - Parameters:
  ///   - path: the path of the file.
  ///   - index: the index of the stream.
  ///   - start: the time at which reading resumes after the first packet, in seconds; nil: all
  ///     packets are read.
  ///   - tools: the installation with ffprobe.
  init(_ path: String, _ index: Int, from start: Double? = nil, _ tools: FFmpeg) throws {
    let interval = start.flatMap { $0 > 0 ? ["-read_intervals", "%+#1,\($0)%"] : nil } ?? []
    let data = try tools.probe(
      path,
      ["-select_streams", "\(index)"] + interval
        + ["-show_entries", "packet=pts_time,dts_time,duration_time,flags", "-of", "csv=p=0"])
    for line in String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      // "D" marks packets to discard, such as those after the end of an edit list.
      guard fields.count >= 4, !fields[3].contains("D") else { continue }
      let numbers = fields.map { Double($0) ?? .nan }
      times.append((numbers[0], numbers[1], numbers[2]))
    }
  }

  var count: Int { times.count }

  /// The duration of the last frame; nil if the file does not state it.
  var lastDuration: Double? {
    let last = times.filter { !$0.shown.isNaN }.max { $0.shown < $1.shown }
    return last.flatMap { $0.duration > 0 ? $0.duration : nil }
  }

  /// The duration of the last frame in MP4, where durations are the differences of decoding times.
  /// - Parameter length: the duration of the stream in seconds.
  func lastDuration(ofLength length: Double) -> Double? {
    guard let first = times.first, let last = times.last else { return nil }
    let duration = length - (last.decoded - first.decoded)
    // ffprobe rounds to microseconds.
    return duration > 1e-6 ? duration : nil
  }

  /// The mean frame rate, if all packets were read: frames per second from the first to the end of
  /// the last.
  var frameRate: VideoProperties.Ratio? {
    guard let first = times.first, let last = times.last, let duration = lastDuration else {
      return nil
    }
    let microseconds = Int(((last.shown + duration - first.shown) * 1e6).rounded())
    return microseconds > 0 ? .init(1_000_000 * count, microseconds) : nil
  }
}

/// The duration of a file as stated by its container.
struct VideoLength {
  /// nil if the container does not state it.
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
