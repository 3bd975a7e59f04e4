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
    for stream in properties.others {
      func fits(_ codec: [String]) -> Bool {
        let result: Void? = try? tools.run(
          ["-t", "0.5", "-i", FFmpeg.file(properties.path), "-map", "0:\(stream.index)"] + codec
            + ["-y", FFmpeg.file(trial)], for: trial)
        return result != nil
      }
      let name = "\(stream.kind) stream \(stream.index) (\(stream.codec))"
      let map = ["-map", "1:\(stream.index)"]
      // Streams of the output are numbered as they are mapped, after the restored video.
      let number = arguments.filter { $0 == "-map" }.count + 1
      if fits(["-c", "copy"]) {
        arguments += map + ["-c:\(number)", "copy"]
      } else if ["audio", "subtitle"].contains(stream.kind), fits([]) {
        // Without a codec ffmpeg takes the container's own.
        arguments += map
        notes.append("\(name) is encoded anew: the output's format does not take it as it is")
      } else {
        notes.append("\(name) is left out: the output's format does not take it")
      }
    }
  }
}
