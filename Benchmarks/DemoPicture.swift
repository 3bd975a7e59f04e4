import ArgumentParser
import Foundation
import Imaging

/// `nsarm-benchmark demo-picture BEFORE AFTER -o before-after.jpg`
struct DemoPicture: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put a photo, enlarged by bicubic, beside its restoration.")

  @Argument(help: "The photo before.")
  var before: String

  @Argument(help: "The restored photo.")
  var after: String

  @Option(
    help: ArgumentHelp(
      "The part of the restored photo that is shown (default: its middle, at most 512x512).",
      valueName: "WxH+X+Y"))
  var crop: String?

  @Option(name: .shortAndLong, help: "The picture to write.")
  var output: String

  @Option(help: "JPEG quality: 1...100.")
  var quality = 90

  func validate() throws {
    guard (1...100).contains(quality) else { throw ValidationError("--quality has to be 1 to 100") }
    _ = try rectangle()
  }

  private func rectangle() throws -> PixelRect? {
    guard let crop else { return nil }
    guard let match = crop.wholeMatch(of: #/(\d+)x(\d+)\+(\d+)\+(\d+)/#),
      let width = Int(match.1), let height = Int(match.2), let x = Int(match.3),
      let y = Int(match.4), width > 0, height > 0
    else { throw ValidationError("--crop has to be like 512x400+128+64") }
    return PixelRect(x: x, y: y, width: width, height: height)
  }

  func run() throws {
    let (small, restored) = (try readRGB(before), try readRGB(after))
    let part = try rectangle() ?? restored.rect.centre(width: 512, height: 512)
    guard restored.rect.contains(part) else {
      throw BenchmarkError(
        "\(after): --crop \(part) lies outside of its \(restored.width)x\(restored.height) pixels")
    }
    let enlarged = small.resized(toWidth: restored.width, height: restored.height, .bicubic)
    var sheet = PanelSheet()
    sheet.add(enlarged.cropped(to: part), "bicubic")
    sheet.add(restored.cropped(to: part), "restored")
    try sheet.image.write(
      to: output, options: EncodingOptions(quality: quality), overwrite: true)
    print(output)
  }
}
