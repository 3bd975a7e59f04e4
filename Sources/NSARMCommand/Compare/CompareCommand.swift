import ArgumentParser
import Evaluation
import Foundation
import Imaging

/// `nsarm compare BEFORE AFTER -o before-after.jpg`
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Put pictures of one scene side by side.",
    discussion: """
      Smaller pictures, such as the photo before its restoration, are enlarged to the size of the largest \
      with bicubic interpolation.
      """)

  @Argument(help: "Two or more pictures, from left to right.")
  var pictures: [String]

  @Option(
    help: ArgumentHelp(
      "A picture's label: letters, digits and - _ . +. Repeatable, in the pictures' order (default: the "
        + "files' names).",
      valueName: "text"))
  var label: [String] = []

  @Option(
    help: ArgumentHelp(
      "The part of the largest picture that is shown (default: its middle, at most 512x512).",
      valueName: "WxH+X+Y"))
  var crop: String?

  @Option(name: .shortAndLong, help: "The picture to write.")
  var output: String

  @OptionGroup(title: "Output options") var picture: PictureOptions

  func validate() throws {
    guard pictures.count >= 2 else { throw ValidationError("give at least two pictures") }
    guard label.count <= pictures.count else {
      throw ValidationError("there are more labels than pictures")
    }
    if output.isEmpty { throw ValidationError("-o is empty; name a picture file") }
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
    _ = try ImageFormat.output(path: output)
    let images = try pictures.map { try ImageFile.readRGB($0) }
    let index = images.indices.max { images[$0].width < images[$1].width }!
    let largest = images[index]
    let part = try rectangle() ?? largest.rect.centre(width: 512, height: 512)
    guard part.x < largest.width, part.y < largest.height,
      part.width <= largest.width - part.x, part.height <= largest.height - part.y
    else {
      throw EvaluationError(
        "\(pictures[index]): --crop \(part) lies outside of its \(largest.width)x\(largest.height) "
          + "pixels")
    }
    var sheet = PanelSheet()
    for (i, image) in images.enumerated() {
      let stretch =
        Double(image.width * largest.height) / Double(image.height * largest.width)
      guard abs(stretch - 1) < 0.05 else {
        throw EvaluationError(
          "\(pictures[i]): \(image.width)x\(image.height) pixels have another aspect ratio than "
            + "\(pictures[index]), \(largest.width)x\(largest.height); crop one of them")
      }
      let shown =
        image.rect == largest.rect
        ? image : image.resized(toWidth: largest.width, height: largest.height, .bicubic)
      let name = PictureFolder.stem((pictures[i] as NSString).lastPathComponent)
      sheet.add(shown.cropped(to: part), i < label.count ? label[i] : name)
    }
    try sheet.image.write(to: output, options: picture.encoding, overwrite: picture.overwrite)
    try StandardOutput.print(output)
  }
}
