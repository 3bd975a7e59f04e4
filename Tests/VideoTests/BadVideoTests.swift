import Files
import Foundation
import TestSupport
import Testing

@testable import Video

@Suite(.serialized, .ownThreads, .enabled(if: Clips.isHere, Clips.missing)) struct BadVideoTests {
  private let clips = try! Clips()

  private func error(_ input: String, _ change: (inout VideoUpscaler.Options) -> Void = { _ in })
    -> String
  {
    do {
      _ = try clips.restore(input, "out.mp4", change)
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
    #expect(error(sound).contains("sound.mp4: holds no video"))
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

  /// Told before the work, with ffmpeg's own words.
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

  @Test func aFolderOfSomethingElseIsLeftAlone() throws {
    let input = try clips.make(
      "in.mp4", "-f lavfi -i testsrc2=size=40x30:rate=25:duration=0.2 -c:v libx264 -pix_fmt yuv420p"
    )
    try FileManager.default.createDirectory(
      atPath: clips.folder("out.mp4.partial"), withIntermediateDirectories: false)
    _ = try clips.folder.write("out.mp4.partial/diary.txt", "mine".utf8)
    #expect(error(input).contains("is no folder of an earlier run"))
    #expect(clips.folder.contents.contains("out.mp4.partial/diary.txt"))
  }
}

@Suite(.ownThreads) struct MissingToolTests {
  @Test func theRemedyIsTold() throws {
    let error = #expect(throws: VideoError.self) { try FFmpeg(path: "/nowhere") }
    #expect(error?.description.contains("apt-get install ffmpeg") == true)
  }
}
