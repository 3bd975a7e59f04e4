import Foundation
import TestSupport
import Testing

@testable import Video

/// A video is as long as its input, for any number of frames and any container.
@Suite(.serialized, .ownThreads, .enabled(if: Clips.isHere, Clips.missing)) struct DurationTests {
  private let clips = try! Clips()

  /// One segment of one or two frames, and two segments of which the last has one or two frames;
  /// with frames that are not stored in presentation order.
  @Test(arguments: [1, 2, 5, 6]) func ofConstantRate(_ frames: Int) throws {
    let input = try clips.make(
      "in.mp4",
      "-f lavfi -i testsrc2=size=40x30:rate=10:duration=2 -frames:v \(frames) -c:v libx264 "
        + "-pix_fmt yuv420p")
    for suffix in ["mp4", "mkv", "mov", "webm"] {
      _ = try clips.restore(input, "out.\(suffix)") {
        $0.encoding.preset = nil
        $0.pictures.scale = 1
      }
      let output = clips.folder("out.\(suffix)")
      let expected = (0..<frames).map { Double($0) / 10 }
      #expect(try clips.times(output).map { Double($0)! } == expected, "\(suffix)")
      let length = try #require(try VideoLength(output, clips.tools).seconds)
      #expect(abs(length - Double(frames) / 10) < 0.0015, "\(suffix): \(length) s")
      // The packets according to ffprobe, if it reports them.
      let durations = try clips.probe(output, "packet=duration_time", stream: "v:0")
      #expect(durations.allSatisfy { $0 == "N/A" || Double($0) == 0.1 }, "\(durations)")
    }
  }

  /// Delays of .1, .3 and .2 seconds; the last frame stays for one and a half.
  @Test func ofTheLastFrame() throws {
    let input = try clips.make(
      "in.gif",
      "-f lavfi -i testsrc2=size=40x30:rate=10:duration=1 -vf 'select=eq(n\\,0)+eq(n\\,1)+eq(n\\,4)+eq(n\\,6)' "
        + "-fps_mode passthrough -final_delay 150")
    let times = ["0.000000", "0.100000", "0.400000", "0.600000"]
    #expect(try clips.times(input) == times)
    for suffix in ["mp4", "mkv", "mov", "webm"] {
      _ = try clips.restore(input, "out.\(suffix)") {
        $0.encoding.preset = nil
        $0.pictures.scale = 1
        $0.segmentLength = 3
      }
      #expect(try clips.times(clips.folder("out.\(suffix)")) == times, "\(suffix)")
      let length = try VideoLength(clips.folder("out.\(suffix)"), clips.tools).seconds
      #expect(abs(length! - 2.1) < 0.0015, "\(suffix): \(length!) s")
    }
    // And back, from containers that state it differently.
    for suffix in ["mp4", "mkv"] {
      let again = try VideoProperties(clips.folder("out.\(suffix)"), clips.tools)
      #expect(suffix == "mkv" || abs(again.lastDuration - 1.5) < 0.0015, "\(again.lastDuration)")
    }
  }

  @Test func packetsThatTellNothing() throws {
    let input = try clips.make(
      "in.ts", "-f lavfi -i testsrc2=size=40x30:rate=20 -frames:v 3 -c:v mpeg2video")
    let properties = try VideoProperties(input, clips.tools)
    #expect(abs(properties.lastDuration - 0.05) < 1e-4 && properties.frameCount == 3)
  }
}
