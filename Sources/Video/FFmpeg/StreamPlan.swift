import Foundation

/// A plan for the input's other streams: copied if the output's container takes them, re-encoded if
/// it takes another codec, else dropped.
struct StreamPlan {
  /// Options of ffmpeg, for which the input is the second file.
  private(set) var arguments: [String] = []
  /// Warnings about streams that are not copied, a line each.
  private(set) var notes: [String] = []

  /// Tries each stream separately.
  /// - Parameters:
  ///   - trial: a temporary file with the output's extension.
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
      // Output streams are numbered in the order of mapping, after the restored video.
      count += 1
      arguments += ["-map", "1:\(stream.index)", "-map_metadata:s:\(count)", "1:s:\(stream.index)"]
      if let codec { arguments += ["-c:\(count)", codec] }
      if codec != "copy" {
        notes.append("\(name) is re-encoded: the output's format does not take its codec")
      }
    }
  }

  /// A plan without streams, since an animated picture holds none.
  /// - Parameter format: the name of its format.
  init(leftOut properties: VideoProperties, format: String) {
    notes = properties.others.map {
      "\($0.kind) stream \($0.index) (\($0.codec)) is left out: a file of the format \(format) "
        + "holds frames only"
    }
  }

  /// The codecs to try, best first; nil: the container's default, which MP4 lacks for subtitles.
  private static func codecs(_ kind: String) -> [String?] {
    switch kind {
    case "audio": ["copy", nil]
    case "subtitle": ["copy", nil, "mov_text"]
    default: ["copy"]
    }
  }
}
