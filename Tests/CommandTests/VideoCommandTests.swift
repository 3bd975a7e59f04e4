import Foundation
import TestSupport
import Testing

/// `nsarm video` and `nsarm flicker` as users run them.
@Suite(.serialized, .ownThreads) struct VideoCommandTests {
  private static let hasFFmpeg =
    (try? Command.shell("command -v ffmpeg && command -v ffprobe").status) == 0

  /// Makes `in.mp4` of `frames` frames in a folder.
  private func clip(_ folder: ScratchFolder, frames: Int = 3) throws {
    let result = try Command.shell(
      "ffmpeg -v error -f lavfi -i testsrc2=size=32x24:rate=25:duration=9 -frames:v \(frames) "
        + "-c:v libx264 -pix_fmt yuv420p in.mp4", in: folder.path)
    try #require(result.status == 0, "\(result.errors)")
  }

  @Test func withoutFFmpegTheRemedyIsTold() throws {
    let folder = try ScratchFolder()
    let result = try Command.run(
      ["video", folder("in.mp4"), folder("out.mp4")], environment: ["PATH": "/nowhere"])
    #expect(result.status == 1 && result.errorLines.count == 1)
    #expect(result.errors.contains("error: ffmpeg is not installed"))
    #expect(result.errors.contains("apt-get install ffmpeg"))
  }

  @Test func mistakes() throws {
    for (arguments, text) in [
      (["a.mp4", "out"], "call it out.mp4"), (["a.mp4", ""], "the output is empty"),
      (["a.mp4", "b.mp4", "--scale", "9"], "--scale has to be 1 to 8"),
      (["a.mp4", "b.mp4", "--codec", ""], "--codec is empty"),
    ] {
      let result = try Command.run(["video"] + arguments)
      #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
    }
  }

  @Test(.enabled(if: hasFFmpeg, "ffmpeg is not installed")) func aVideoIsRestoredAndMeasured()
    throws
  {
    let folder = try ScratchFolder()
    try clip(folder)
    let result = try Command.shell(
      "$NSARM video in.mp4 out.mp4 --preset ultrafast", in: folder.path)
    #expect(result.status == 0 && result.errors == "", "\(result.errors)")
    #expect(result.output.hasPrefix("out.mp4: 3 frames, 32x24 -> 128x96, "))
    let again = try Command.shell("$NSARM video in.mp4 out.mp4", in: folder.path)
    #expect(again.status == 1 && again.errors.contains("out.mp4: exists already; --overwrite"))
    #expect(folder.entries == ["in.mp4", "out.mp4"])
    let measured = try Command.shell("$NSARM flicker in.mp4 --reference out.mp4", in: folder.path)
    #expect(measured.status == 0 && measured.outputLines.count == 3, "\(measured.errors)")
    #expect(measured.outputLines[0].hasSuffix("PSNR-Y  flicker    still"))
  }

  /// A process that was killed, and one that was interrupted, leave work that the next one goes on
  /// with, to the same bytes.
  @Test(.enabled(if: hasFFmpeg, "ffmpeg is not installed"), arguments: [SIGKILL, SIGINT])
  func aKilledRunGoesOn(_ signal: Int32) throws {
    let folder = try ScratchFolder()
    try clip(folder, frames: 110)
    let whole = try Command.shell(
      "$NSARM video in.mp4 whole.mp4 --preset ultrafast --threads 1", in: folder.path)
    #expect(whole.status == 0, "\(whole.errors)")
    let process = Command.process(
      ["video", folder("in.mp4"), folder("out.mp4"), "--model", Command.model]
        + ["--preset", "ultrafast", "--threads", "1"])
    process.standardError = FileHandle.nullDevice
    try process.run()
    // The next segment is begun when the first is complete and known to be.
    let segments = ["segment-0.nut", "next.nut"].map { folder("out.mp4.partial/\($0)") }
    while process.isRunning, !segments.allSatisfy(FileManager.default.fileExists) { usleep(2000) }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationStatus == (signal == SIGKILL ? SIGKILL : 128 + SIGINT))
    #expect(folder.entries == ["in.mp4", "out.mp4.partial", "whole.mp4"])
    let result = try Command.shell(
      "$NSARM video in.mp4 out.mp4 --preset ultrafast --threads 1 && cmp whole.mp4 out.mp4",
      in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("going on after frame"))
    #expect(folder.entries == ["in.mp4", "out.mp4", "whole.mp4"])
  }
}
