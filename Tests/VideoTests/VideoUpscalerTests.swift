import Files
import Foundation
import Imaging
import NSARM
import TestSupport
import Testing
import Torch
import Upscaling

@testable import Video

@Suite(.serialized, .ownThreads, .enabled(if: Clips.isHere, Clips.missing))
struct VideoUpscalerTests {
  private let clips = try! Clips()

  private static let source = "-f lavfi -i testsrc2=size=40x30:rate=25:duration=1"

  /// Everything that is kept of a video.
  @Test func whatTheInputHasTheOutputHas() throws {
    _ = try clips.folder.write(
      "meta.txt",
      ";FFMETADATA1\ntitle=A clip\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=300\ntitle=One\n".utf8)
    _ = try clips.folder.write("s.srt", "1\n00:00:00,100 --> 00:00:00,400\nHello\n".utf8)
    let input = try clips.make(
      "in.mp4",
      """
      \(Self.source) -f lavfi -i sine=frequency=300:duration=1 -i @/s.srt -i @/meta.txt -map 0:v -map 1:a \
      -map 2 -map_metadata 3 -map_chapters 3 -vf 'select=lt(n\\,4)+eq(mod(n\\,5)\\,1),setsar=4/3' \
      -fps_mode vfr -c:v libx264 -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709 \
      -color_trc bt709 -color_range tv -c:a aac -c:s mov_text -metadata:s:a:0 language=fra
      """)
    let report = try clips.restore(input, "out.mp4")
    #expect(report.frameCount == 8 && report.warnings.isEmpty, "\(report.warnings)")
    let output = clips.folder("out.mp4")

    let times = try clips.times(input)
    #expect(Set(zip(times.dropFirst(), times).map { Double($0)! - Double($1)! }).count > 1)
    #expect(try clips.times(output) == times)
    let video =
      "stream=width,height,pix_fmt,sample_aspect_ratio,color_range,color_space,color_transfer,color_primaries"
    #expect(
      try clips.probe(output, video, stream: "v:0") == ["160,120,4:3,yuv420p,tv,bt709,bt709,bt709"])
    for (entries, stream) in [
      ("stream=codec_name:stream_tags=language", "a"), ("stream=codec_name", "s"),
      ("packet=pts_time,size,data_hash", "a"), ("packet=pts_time,size", "s"),
    ] {
      let found = try clips.probe(output, entries, stream: stream)
      #expect(
        try found == clips.probe(input, entries, stream: stream) && !found.isEmpty, "\(entries)")
    }
    #expect(try clips.probe(output, "format_tags=title").first == "A clip")
    #expect(
      try clips.probe(output, "chapter_tags=title:chapter=end_time").contains { $0.contains("One") }
    )
    #expect(clips.folder.entries == ["in.mp4", "meta.txt", "out.mp4", "s.srt"])
  }

  /// The frames are the decoder's, restored as pictures are; each with its own noise if nothing is
  /// carried over.
  @Test func framesAreRestoredAsPicturesAre() throws {
    let input = try clips.make("in.mkv", "\(Self.source) -frames:v 3 -c:v ffv1 -pix_fmt yuv420p")
    let frames = try frames(input)
    #expect(frames.count == 3)
    _ = try clips.restore(input, "alone.mkv") {
      $0.encoding.codec = "ffv1"
      $0.encoding.preset = nil
      $0.consistency = nil
    }
    _ = try clips.restore(input, "carried.mkv") {
      $0.encoding.codec = "ffv1"
      $0.encoding.preset = nil
    }
    func difference(_ frame: FloatImage, _ number: Int, seed: UInt64) throws -> Float {
      var options = PhotoUpscaler.Options()
      options.resolver.seed = seed
      let expected = Luma(try Clips.upscaler(Image(frames[number]), options).planes())
      return zip(Luma(frame).values, expected.values).reduce(0) { $0 + abs($1.0 - $1.1) }
        / Float(expected.values.count)
    }
    for (number, frame) in try self.frames(clips.folder("alone.mkv")).enumerated() {
      let seed = RandomStream.key(0, UInt64(number))
      let own = try difference(frame, number, seed: seed)
      #expect(try own < 0.01 && difference(frame, number, seed: 99) > 2 * own, "\(own)")
    }
    // The first frame of a video equals the result of nsarm upscale.
    let first = try self.frames(clips.folder("carried.mkv"))[0]
    #expect(try difference(first, 0, seed: 0) < 0.01)
  }

  @Test func aRunThatWasStoppedGoesOnToTheSameVideo() throws {
    let input = try clips.make(
      "in.mp4", "\(Self.source) -frames:v 11 -c:v libx264 -pix_fmt yuv420p")
    _ = try clips.restore(input, "whole.mp4")
    for stop in [2.5, 6.0, 10.9] {
      #expect(throws: CancellationError.self) {
        _ = try clips.restore(input, "parts.mp4", stoppedAt: stop)
      }
      let left = stop > 4 ? ["in.mp4", "parts.mp4.partial", "whole.mp4"] : ["in.mp4", "whole.mp4"]
      #expect(clips.folder.entries == left)
    }
    // As if the run had been killed while it was encoding.
    _ = try clips.folder.write("parts.mp4.partial/next.nut", [1, 2, 3])
    let report = try clips.restore(input, "parts.mp4")
    #expect(report.continuedFrom == 8 && report.frameCount == 11)
    #expect(clips.folder.entries == ["in.mp4", "parts.mp4", "whole.mp4"])
    let files = try ["whole", "parts"].map {
      try Data(contentsOf: URL(fileURLWithPath: clips.folder("\($0).mp4")))
    }
    #expect(files[0] == files[1])
  }

  @Test func otherSettingsDoNotGoOn() throws {
    let input = try clips.make("in.mp4", "\(Self.source) -frames:v 9 -c:v libx264 -pix_fmt yuv420p")
    #expect(throws: CancellationError.self) {
      _ = try clips.restore(input, "out.mp4", settings: ["--seed": "1"], stoppedAt: 6.5)
    }
    let error = #expect(throws: VideoError.self) {
      try clips.restore(input, "out.mp4", settings: ["--seed": "2"])
    }
    #expect(
      error?.description.contains("another --seed (1)") == true, "\(String(describing: error))")
    #expect(try clips.restore(input, "out.mp4", settings: ["--seed": "1"]).continuedFrom == 4)
  }

  @Test func tenBitsStayTenBits() throws {
    let input = try clips.make(
      "in.mkv",
      "\(Self.source) -frames:v 2 -c:v libx264 -pix_fmt yuv420p10le -color_range pc -colorspace bt2020nc"
    )
    _ = try clips.restore(input, "out.mkv")
    #expect(
      try clips.probe(
        clips.folder("out.mkv"), "stream=pix_fmt,color_range,color_space", stream: "v")
        == ["yuv420p10le,pc,bt2020nc"])
    let (before, after) = (try frames(input), try frames(clips.folder("out.mkv")))
    // The mean is preserved, so the range and the matrix are interpreted correctly.
    for (a, b) in zip(before, after) {
      func mean(_ p: FloatImage) -> Float { p.values.reduce(0, +) / Float(p.values.count) }
      #expect(abs(mean(a) - mean(b)) < 0.1)
    }
  }

  /// Odd sizes, times that do not begin at 0, rotated frames.
  @Test func oddOnesAreTaken() throws {
    let odd = try clips.make(
      "odd.mkv", "-f lavfi -i testsrc=size=33x27:rate=10:duration=0.3 -c:v ffv1 -pix_fmt yuv444p")
    _ = try clips.restore(odd, "odd.mp4") { $0.pictures.scale = 1.5 }
    #expect(
      try clips.probe(clips.folder("odd.mp4"), "stream=width,height", stream: "v") == ["50,40"])
    _ = try clips.restore(odd, "wide.mp4") { $0.pictures.size = .width(101) }
    #expect(
      try clips.probe(clips.folder("wide.mp4"), "stream=width,height", stream: "v") == ["102,82"])
    #expect(throws: OutputSizeError.self) {
      try clips.restore(odd, "small.mp4") { $0.pictures.size = .width(32) }
    }
    let late = try clips.make(
      "late.mkv",
      "-f lavfi -i sine=duration=2 -itsoffset 0.52 \(Self.source) -frames:v 3 -c:v ffv1 -c:a flac")
    _ = try clips.restore(late, "late-out.mkv")
    #expect(try clips.times(clips.folder("late-out.mkv")) == clips.times(late))
    let upright = try clips.make(
      "upright.mp4", "\(Self.source) -frames:v 2 -c:v libx264 -pix_fmt yuv420p")
    let turned = try clips.make("turned.mp4", "-i @/upright.mp4 -c copy -metadata:s:v rotate=90")
    let properties = try VideoProperties(turned, clips.tools)
    try #require(upright != turned && properties.width == 30, "this ffmpeg writes no rotation")
    _ = try clips.restore(turned, "turned-out.mp4")
    let output = try VideoProperties(clips.folder("turned-out.mp4"), clips.tools)
    #expect(output.width == 120 && output.height == 160)
    #expect(
      try clips.probe(output.path, "stream=width,height", stream: "v") == ["120,160"])
  }

  /// A moving column: in interlaced frames, the lines are alternately of two times, half of them a
  /// step behind.
  @Test func interlacedFramesAreDeinterlaced() throws {
    let column =
      "-f lavfi -i color=gray:size=64x48:rate=50:duration=0.4 -f lavfi -i color=white:size=8x48:rate=50"
    let input = try clips.make(
      "in.mkv",
      "\(column) -filter_complex 'overlay=x=8*n:shortest=1,tinterlace=interleave_top,setfield=tff,format=yuv420p' "
        + "-c:v libx264 -qp 1 -flags +ildct+ilme -top 1")
    let properties = try VideoProperties(input, clips.tools)
    #expect(properties.isInterlaced && properties.warnings.count == 1)
    /// The difference of lines from those above and below them, where those agree.
    func combing(_ frames: [FloatImage]) -> Float {
      var sum: Float = 0
      for f in frames {
        for y in 2..<46 {
          for x in 0..<64 {
            let at = y * 64 + x
            let (above, line, below) = (f.values[at - 64], f.values[at], f.values[at + 64])
            if abs(above - below) < 0.05 { sum += abs(line - (above + below) / 2) }
          }
        }
      }
      return sum / Float(frames.count)
    }
    let asItIs = try clips.make(
      "weave.mkv", "-i @/in.mkv -c:v ffv1 -vf setfield=prog -field_order progressive")
    let combed = try combing(frames(asItIs))
    #expect(try combed > 100 && combing(frames(input)) < combed / 10, "\(combed)")
    let report = try clips.restore(input, "out.mkv")
    #expect(report.frameCount == 10 && report.warnings == ["interlaced frames were deinterlaced"])
  }

  @Test(.enabled(if: SmallDisk.isPossible, Comment(rawValue: SmallDisk.missing)))
  func afterAFullDiskItGoesOn() throws {
    let input = try clips.make(
      "in.mp4",
      "-f lavfi -i nullsrc=size=40x30:rate=25 -vf geq=random(1)*255:128:128 -frames:v 11 "
        + "-c:v libx264 -pix_fmt yuv420p")
    let disk = try SmallDisk(kilobytes: 96)
    let error = #expect(throws: FileError.self) { try clips.restore(input, disk("out.mp4")) }
    #expect(error?.description.contains("the disk is full") == true, "\(String(describing: error))")
    try disk.resize(kilobytes: 8192)
    let report = try clips.restore(input, disk("out.mp4"))
    #expect(report.frameCount == 11 && report.continuedFrom > 0, "\(report)")
    #expect(disk.entries == ["out.mp4"])
  }

  @Test func whatAContainerDoesNotTakeIsSaid() throws {
    _ = try clips.folder.write("s.srt", "1\n00:00:00,100 --> 00:00:00,400\nHello\n".utf8)
    let input = try clips.make(
      "in.mkv",
      "\(Self.source) -i @/s.srt -frames:v 2 -c:v ffv1 -c:s srt -attach @/s.srt -metadata:s:t mimetype=text/plain"
    )
    let report = try clips.restore(input, "out.mp4")
    #expect(report.warnings.count == 2, "\(report.warnings)")
    #expect(report.warnings[0].contains("re-encoded") && report.warnings[1].contains("left out"))
    #expect(
      try clips.probe(clips.folder("out.mp4"), "stream=codec_name", stream: "s") == ["mov_text"])
  }

  private func frames(_ path: String) throws -> [FloatImage] {
    let reader = try FrameReader(VideoProperties(path, clips.tools), clips.tools)
    var result: [FloatImage] = []
    while let frame = try reader.next() { result.append(frame.picture) }
    return result
  }
}
