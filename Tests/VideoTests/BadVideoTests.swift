import Files
import Foundation
import TestSupport
import Testing

@testable import Video

@Suite(.serialized, .ownThreads, .enabled(if: Clips.isHere, Clips.missing)) struct BadVideoTests {
  private let clips = try! Clips()

  private func error(
    _ input: String, _ output: String = "out.mp4",
    _ change: (inout VideoUpscaler.Options) -> Void = { _ in }
  ) -> String {
    do {
      _ = try clips.restore(input, output, change)
      return "none"
    } catch {
      return "\(error)"
    }
  }

  @Test func filesThatAreNoVideos() throws {
    #expect(error(clips.folder("none.mp4")).contains("no such file"))
    let text = try clips.folder.write("text.mp4", "not a video at all".utf8)
    #expect(error(text).contains("text.mp4: not a video that ffmpeg can read ("))
    let sound = try clips.make("sound.mp4", "-f lavfi -i sine=duration=0.2 -c:a aac")
    #expect(error(sound).contains("sound.mp4: contains no video"))
    #expect(!clips.folder.entries.contains { $0.hasPrefix("out") })
  }

  @Test func damage() throws {
    let whole = try clips.make(
      "whole.ts",
      "-f lavfi -i testsrc2=size=64x48:rate=25:duration=1 -c:v libx264 -pix_fmt yuv420p")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
    let cut = try clips.folder.write("cut.ts", bytes[..<(bytes.count * 2 / 3)])
    let report = try clips.restore(cut, "cut.mp4")
    #expect(report.frameCount > 3 && report.frameCount < 25)
    for at in stride(from: bytes.count / 3, to: bytes.count * 2 / 3, by: 7) { bytes[at] ^= 0x55 }
    let changed = try clips.folder.write("changed.ts", bytes)
    let warnings = try clips.restore(changed, "changed.mp4").warnings
    #expect(warnings.contains { $0.hasPrefix("damaged: ffmpeg reports") }, "\(warnings)")
  }

  /// Reported before the work begins, in ffmpeg's words.
  @Test func encodersThatCannot() throws {
    let input = try clips.make(
      "in.mp4", "-f lavfi -i testsrc2=size=40x30:rate=25:duration=0.2 -c:v libx264 -pix_fmt yuv420p"
    )
    #expect(error(input) { $0.encoding.codec = "nothing" }.contains("Unknown encoder 'nothing'"))
    #expect(error(input) { $0.encoding.preset = "sideways" }.contains("sideways"))
    #expect(!clips.folder.entries.contains { $0.hasPrefix("out") })
    _ = try clips.folder.write("out.mp4", [1])
    #expect(error(input).contains("exists already"))
    #expect(error(input) { $0.overwrite = true } == "none")
    #expect(throws: FileError.missingFolder(path: clips.folder("no"))) {
      try clips.restore(input, "no/out.mp4")
    }
    #expect(throws: VideoError.self) { try clips.restore(input, "in.mp4") { $0.overwrite = true } }
  }

  @Test func containersThatCannot() throws {
    let input = try clips.make(
      "in.mp4", "-f lavfi -i testsrc2=size=40x30:rate=25 -frames:v 2 -c:v libx264 -pix_fmt yuv420p")
    func reason(_ name: String, codec: String? = nil, crf: Int? = nil, preset: String? = nil)
      -> String
    {
      error(input, name) {
        ($0.encoding.codec, $0.encoding.crf, $0.encoding.preset) = (codec, crf, preset)
      }
    }
    for (text, parts) in [
      (
        reason("a.webm", codec: "libx264"),
        ["libx264 cannot be stored in .webm (ffmpeg: Only VP8", ".mkv"]
      ),
      (
        reason("a.mp4", codec: "ffv1"),
        ["ffv1 cannot be stored in .mp4 (ffmpeg: Could not find tag", ".mkv"]
      ),
      (
        reason("a.xyz"),
        ["cannot be stored in .xyz (ffmpeg: Unable to find", "'\(clips.folder("a.xyz"))'"]
      ),
      (
        reason("a.gif", codec: "libx264"), ["libx264 cannot be stored in .gif; leave the codec out"]
      ),
      (reason("a.webp", crf: 3), ["a rate factor is for encoders of videos"]),
      (reason("a.png", preset: "slow"), ["a preset is for encoders of videos"]),
      (reason("a.webm", preset: "slow"), ["a preset cannot be used with libvpx-vp9"]),
      (reason("a.jpg"), ["a.jpg: has a picture's extension"]),
    ] {
      for part in parts { #expect(text.contains(part), "\(text)") }
    }
    #expect(clips.folder.entries == ["in.mp4"])
  }

  @Test func pictures() throws {
    for name in ["in.png", "in.jpg", "in.webp", "in.tif"] {
      let input = try clips.make(name, "-f lavfi -i testsrc2=size=20x16:rate=1 -frames:v 1")
      #expect(
        error(input).contains("is a picture, not a video"), "\(error(input))")
    }
    let animated = try clips.make(
      "animated.webp", "-f lavfi -i testsrc2=size=20x16:rate=5:duration=1 -c:v libwebp_anim")
    let text = error(animated)
    #expect(text == "none" || text.contains("does not decode; convert it to a GIF"), "\(text)")
  }

  /// Finds ffmpeg's reason for a failure among its other messages.
  @Test func reasons() throws {
    func reason(_ lines: String) throws -> String {
      let log = FFmpegLog()
      let process = try ChildProcess(
        "/bin/sh", ["-c", "printf '\(lines)' >&2; exit 3"], line: log.append)
      return log.reason(process.finish())
    }
    #expect(
      try reason("[a @ 0x1] [error] cause\\n[error] Conversion failed!\\n[error] \\n") == "cause")
    #expect(
      try reason("[error] Could not write header: no\\n[error] \\n") == "Could not write header: no"
    )
    #expect(try reason("[info] x\\n[vf @ 0x1] [warning] odd\\n[error] \\n") == "odd")
    #expect(try reason("[info] x\\n") == "exit status 3")
  }

  @Test func aFolderOfSomethingElseIsLeftAlone() throws {
    let input = try clips.make(
      "in.mp4", "-f lavfi -i testsrc2=size=40x30:rate=25:duration=0.2 -c:v libx264 -pix_fmt yuv420p"
    )
    try FileManager.default.createDirectory(
      atPath: clips.folder("out.mp4.partial"), withIntermediateDirectories: false)
    _ = try clips.folder.write("out.mp4.partial/diary.txt", "mine".utf8)
    #expect(error(input).contains("is not the folder of an earlier run"))
    #expect(clips.folder.contents.contains("out.mp4.partial/diary.txt"))
  }
}

@Suite(.ownThreads) struct MissingToolTests {
  @Test func theRemedyIsTold() throws {
    let error = #expect(throws: VideoError.self) { try FFmpeg(path: "/nowhere") }
    #expect(error?.description.contains("apt-get install ffmpeg") == true)
  }
}
