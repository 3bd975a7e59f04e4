import Foundation
import Imaging
import TestSupport
import Testing

@testable import Video

/// Animated pictures as inputs and outputs.
@Suite(.serialized, .ownThreads, .enabled(if: Clips.isHere, Clips.missing)) struct AnimationTests {
  private let clips = try! Clips()

  /// Four frames of a square on a transparent background, in GIF or APNG.
  private func animation(_ name: String, _ options: String) throws -> String {
    try clips.make(
      name,
      "-f lavfi -i testsrc=size=21x15:rate=10:duration=0.4 -vf "
        + "'format=rgba,geq=r=220:g=40*N:b=0:a=255*gt(X\\,8)' \(options)")
  }

  private func restore(
    _ input: String, _ output: String, _ change: (inout VideoUpscaler.Options) -> Void = { _ in }
  ) throws -> VideoUpscaler.Report {
    try clips.restore(input, output) {
      $0.encoding.preset = nil
      $0.pictures.scale = 1
      change(&$0)
    }
  }

  @Test func timesAndLoopsAndTransparencyAreKept() throws {
    let input = try animation("in.apng", "-c:v apng -plays 3 -final_delay 7/10")
    for (name, plays) in [("a.png", 3), ("a.apng", 3), ("a.gif", 3), ("a.webp", 3)] {
      let report = try restore(input, name) { $0.segmentLength = 3 }
      #expect(report.warnings.isEmpty && report.outputSize == (21, 15), "\(report)")
      #expect(AnimationFile.plays(clips.folder(name)) == plays, "\(name)")
      guard name != "a.webp" else { continue }
      let packets = try clips.probe(
        clips.folder(name), "packet=pts_time,duration_time", stream: "v:0")
      #expect(
        packets == [
          "0.000000,0.100000", "0.100000,0.100000", "0.200000,0.100000", "0.300000,0.700000",
        ], "\(name)")
      let properties = try VideoProperties(clips.folder(name), clips.tools)
      let reader = try FrameReader(properties, clips.tools)
      let alpha = try #require(try reader.next()?.alpha)
      #expect(alpha[0, 7, 2] == 0 && alpha[0, 7, 18] == 1 && reader.sawTransparency, "\(name)")
      reader.stop()
    }
    #expect(try restore(input, "a.mp4").warnings == ["transparency is left out"])
    #expect(
      clips.folder.entries == ["a.apng", "a.gif", "a.mp4", "a.png", "a.webp", "in.apng"])
  }

  @Test func oncePlayedAndForEver() throws {
    let once = try animation("once.gif", "-loop -1")
    let endless = try animation("endless.gif", "-loop 0")
    let clip = try clips.make(
      "clip.mp4",
      "-f lavfi -i nullsrc=size=20x16:rate=10:duration=0.2 -vf geq=lum=200*N -c:v libx264")
    for (input, plays) in [(once, 1), (endless, 0), (clip, 0)] {
      for name in ["out.gif", "out.png", "out.webp"] {
        _ = try restore(input, name) { $0.overwrite = true }
        #expect(AnimationFile.plays(clips.folder(name)) == plays, "\(input) \(name)")
      }
    }
  }

  /// ffmpeg gives the last frame of an animated WebP the mean duration of the others.
  @Test func theLastFrameOfAWebP() throws {
    let input = try animation("in.gif", "-final_delay 80")
    _ = try restore(input, "out.webp")
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: clips.folder("out.webp"))))
    let durations = bytes.indices.dropLast(24).filter {
      bytes[$0..<$0 + 4].elementsEqual("ANMF".utf8)
    }.map { Int(bytes[$0 + 20]) | Int(bytes[$0 + 21]) << 8 | Int(bytes[$0 + 22]) << 16 }
    #expect(durations == [100, 100, 100, 800])
  }

  @Test func opaqueFramesAreNotSaidToBeTransparent() throws {
    let input = try clips.make("in.gif", "-f lavfi -i testsrc2=size=20x16:rate=10 -frames:v 2")
    #expect(try restore(input, "out.mp4").warnings.isEmpty)
    let single = try clips.make("one.gif", "-f lavfi -i testsrc2=size=20x16:rate=10 -frames:v 1")
    #expect(try restore(single, "one-out.gif").frameCount == 1)
  }

  @Test func whatAnAnimationCannotHoldIsSaid() throws {
    let input = try clips.make(
      "in.mp4",
      "-f lavfi -i testsrc2=size=20x16:rate=60:duration=0.2 -f lavfi -i sine=duration=0.2 -c:v libx264"
    )
    let report = try restore(input, "out.gif")
    #expect(report.warnings.count == 2, "\(report.warnings)")
    #expect(
      report.warnings.contains { $0.hasPrefix("frames are left out: programs show at most 50") })
    #expect(report.warnings.contains { $0.hasPrefix("audio stream 1 (aac) is left out") })
    let delays = try clips.probe(
      clips.folder("out.gif"), "packet=duration_time", stream: "v:0")
    #expect(delays.allSatisfy { $0 == "0.020000" } && (9...11).contains(delays.count))
  }

  /// VP8's and VP9's alpha is a separate stream, which ffmpeg's native decoders ignore.
  @Test func alphaThatIsPassedOverIsSaid() throws {
    for codec in ["libvpx", "libvpx-vp9"] {
      let input = try animation(
        "in.webm", "-c:v \(codec) -auto-alt-ref 0 -pix_fmt yuva420p -b:v 200k")
      #expect(try VideoProperties(input, clips.tools).hidesAlpha)
      let report = try restore(input, "\(codec).webm")
      #expect(report.warnings == ["transparency is left out"])
    }
  }
}

/// The number of times animations are played, read from their files.
@Suite struct AnimationFileTests {
  private static let gif: [UInt8] =
    Array("GIF89a".utf8) + [1, 0, 1, 0, 0x80, 0, 0] + [0, 0, 0, 255, 255, 255]
  private static let comment: [UInt8] = [0x21, 0xFE, 2, 65, 66, 0]

  private func loop(_ count: UInt8) -> [UInt8] {
    [0x21, 0xFF, 11] + Array("NETSCAPE2.0".utf8) + [3, 1, count, 0, 0]
  }

  @Test func gif() {
    let image: [UInt8] = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0]
    #expect(AnimationFile.plays(Self.gif + Self.comment + loop(0) + image) == 0)
    #expect(AnimationFile.plays(Self.gif + loop(4) + image) == 5)
    #expect(AnimationFile.plays(Self.gif + Self.comment + image + loop(0)) == 1)
    for count in 0..<60 {
      // Truncated files must not trap.
      let plays = AnimationFile.plays(Array((Self.gif + Self.comment + loop(0)).prefix(count)))
      #expect(plays == nil || plays == 1 || plays == 0)
    }
  }

  @Test func pngAndWebP() {
    let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
      [0, 0, 0, UInt8(body.count)] + Array(name.utf8) + body + [0, 0, 0, 0]
    }
    let header = signature + chunk("IHDR", Array(repeating: 0, count: 13))
    let control = chunk("acTL", [0, 0, 0, 4, 0, 0, 0, 7])
    #expect(AnimationFile.plays(header + control + chunk("IDAT", [])) == 7)
    #expect(AnimationFile.plays(header + chunk("IDAT", []) + control) == nil)
    #expect(AnimationFile.plays(header + control.prefix(12)) == nil)
    func webP(_ flags: UInt8) -> [UInt8] {
      Array("RIFF".utf8) + [40, 0, 0, 0] + Array("WEBPVP8X".utf8) + [10, 0, 0, 0, flags]
        + Array(repeating: 0, count: 9) + Array("ANIM".utf8) + [6, 0, 0, 0, 0, 0, 0, 0, 9, 0]
    }
    #expect(AnimationFile.plays(webP(2)) == 9 && AnimationFile.plays(webP(0)) == nil)
    #expect(
      AnimationFile.plays(Array("not a picture".utf8)) == nil && AnimationFile.plays([]) == nil)
  }
}
