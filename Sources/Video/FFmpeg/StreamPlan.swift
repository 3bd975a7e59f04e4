import Foundation

/// How the input's other streams come into the output: copied where its container takes them,
/// encoded anew where it takes another codec, else left out.
struct StreamPlan {
  /// Options of ffmpeg, with the input as its second file.
  private(set) var arguments: [String] = []
  /// What is not copied, a line each.
  private(set) var notes: [String] = []

  /// Tries every stream on its own.
  /// - Parameters:
  ///   - trial: a file that may be written, with the output's extension.
  init(_ properties: VideoProperties, trial: String, _ tools: FFmpeg) {
    defer { unlink(trial) }
    var count = 0
    for stream in properties.others {
      func fits(_ codec: String?) -> Bool {
        let result: Void? = try? tools.run(
          ["-t", "0.5", "-i", FFmpeg.file(properties.path), "-map", "0:\(stream.index)"]
            + (codec.map { ["-c", $0] } ?? []) + ["-y", FFmpeg.file(trial)], for: trial)
        return result != nil
      }
      let name = "\(stream.kind) stream \(stream.index) (\(stream.codec))"
      guard let codec = Self.codecs(stream.kind).first(where: { fits($0) })
      else {
        notes.append("\(name) is left out: the output's format does not take it")
        continue
      }
      // Streams of the output are numbered as they are mapped, after the restored video.
      count += 1
      arguments += ["-map", "1:\(stream.index)", "-map_metadata:s:\(count)", "1:s:\(stream.index)"]
      if let codec { arguments += ["-c:\(count)", codec] }
      if codec != "copy" {
        notes.append("\(name) is encoded anew: the output's format does not take it as it is")
      }
    }
  }

  /// No stream at all, since an animated picture holds none.
  /// - Parameter format: its name.
  init(leftOut properties: VideoProperties, format: String) {
    notes = properties.others.map {
      "\($0.kind) stream \($0.index) (\($0.codec)) is left out: a file of the format \(format) "
        + "holds frames only"
    }
  }

  /// What is tried, best first; nil: the container's own codec. MP4 has none for subtitles.
  private static func codecs(_ kind: String) -> [String?] {
    switch kind {
    case "audio": ["copy", nil]
    case "subtitle": ["copy", nil, "mov_text"]
    default: ["copy"]
    }
  }
}
