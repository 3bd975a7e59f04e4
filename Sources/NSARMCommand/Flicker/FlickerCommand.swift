import ArgumentParser
import Foundation
import ImageQuality
import Terminal
import Torch
import Video

/// `nsarm flicker VIDEOS... --reference ORIGINAL`
struct FlickerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flicker",
    abstract: "Measure the flicker of videos, and their distance from the original.",
    discussion: """
      Motion is measured in the original. Columns: PSNR-Y against it; flicker, the mean absolute difference \
      between a frame and the motion-compensated one before it, where the original's frames match; still, the \
      standard deviation over 25 frames in which the original does not change. Both are in levels of 255. The \
      original's own figures come first. Smaller videos are enlarged with bicubic interpolation.
      """)

  @Argument(help: "Videos of the same frames.")
  var videos: [String]

  @Option(help: ArgumentHelp("The original video.", valueName: "video"))
  var reference: String

  @OptionGroup var threads: ThreadOptions

  func run() throws {
    Interruption.install()
    let tools = try FFmpeg()
    let original = try VideoProperties(reference, tools)
    let all = try [original] + videos.map { try VideoProperties($0, tools) }
    let display = ProgressDisplay("measuring")
    let results = try FlickerMeter.measure(all, tools) { fraction in
      if Interruption.isRequested {
        display.clear()
        throw ExitCode(Interruption.status)
      }
      display.update(fraction)
    }
    display.clear()
    let width = all.map(\.path.count).max()! + 2
    func row(_ cells: [String]) throws {
      try StandardOutput.print(
        cells[0].padding(toLength: width, withPad: " ", startingAt: 0)
          + cells.dropFirst().map { String(repeating: " ", count: max(0, 9 - $0.count)) + $0 }
          .joined())
    }
    func figure(_ value: Double?, _ digits: Int) -> String {
      value.map { $0.isFinite ? String(format: "%.\(digits)f", $0) : "-" } ?? "-"
    }
    try row(["video", "PSNR-Y", "flicker", "still"])
    for (video, result) in zip(all, results) {
      try row(
        [video.path, figure(result.peakSignalToNoise, 2)]
          + [figure(result.flicker, 3), figure(result.stillDeviation, 3)])
    }
  }
}
