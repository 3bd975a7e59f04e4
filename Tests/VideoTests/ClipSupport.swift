import Foundation
import ModelTestSupport
import NSARM
import SuperResolution
import TestSupport
import Testing
import Upscaling

@testable import Video

/// Clips made by ffmpeg.
struct Clips {
  static let tools = try? FFmpeg()
  static let isHere = tools != nil
  static let missing: Comment = "ffmpeg is not installed"

  static let upscaler = PhotoUpscaler(try! SuperResolver(TinyModel.make()))

  let folder: ScratchFolder
  let tools: FFmpeg

  init() throws {
    folder = try ScratchFolder()
    tools = try FFmpeg()
  }

  /// Runs ffmpeg with the arguments in a line, in which apostrophes quote an argument.
  func make(_ name: String, _ line: String) throws -> String {
    var words: [String] = []
    for (i, part) in line.components(separatedBy: "'").enumerated() {
      words += i % 2 == 1 ? [part] : part.split(separator: " ").map(String.init)
    }
    let path = folder(name)
    try tools.run(words.map { $0.replacing("@", with: folder.path) } + ["-y", path], for: path)
    return path
  }

  /// - Parameters:
  ///   - output: a name in the folder, or a whole path.
  ///   - last: the number of frames after which the run is stopped.
  func restore(
    _ input: String, _ output: String, settings: [String: String] = [:],
    stoppedAt last: Double = .infinity,
    _ change: (inout VideoUpscaler.Options) -> Void = { _ in }
  ) throws -> VideoUpscaler.Report {
    var options = VideoUpscaler.Options()
    options.segmentLength = 4
    options.encoding.preset = "ultrafast"
    change(&options)
    return try VideoUpscaler(Self.upscaler, tools)(
      VideoProperties(input, tools), to: output.hasPrefix("/") ? output : folder(output), options,
      settings: settings,
      progress: { done, _ in if done >= last { throw CancellationError() } })
  }

  /// ffprobe's output as text.
  func probe(_ path: String, _ entries: String, stream: String? = nil) throws -> [String] {
    let text = try tools.probe(
      path,
      (stream.map { ["-select_streams", $0] } ?? []) + ["-show_entries", entries]
        + ["-of", "csv=p=0"])
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map {
      String($0).trimmingCharacters(in: CharacterSet(charactersIn: ", \r"))
    }
  }

  /// The presentation times of the frames in seconds, ascending.
  func times(_ path: String) throws -> [String] {
    try probe(path, "packet=pts_time", stream: "v:0").sorted { Double($0)! < Double($1)! }
  }
}
