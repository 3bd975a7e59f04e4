import ArgumentParser
import Upscaling

/// Sizes of outputs from which every picture's scale follows, in the place of one scale for all.
struct SizeOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "In place of --scale: how wide every output is. The scale follows, and has to be 1...8.",
      valueName: "pixels"))
  var width: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("In place of --scale: how high every output is.", valueName: "pixels"))
  var height: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "In place of --scale: how long the longer side of every output is.", valueName: "pixels"))
  var longSide: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "In place of --scale: how many millions of pixels every output has, such as 12 or 2.5.",
      valueName: "count"))
  var megapixels: Double?

  init() {}

  func validate() throws {
    for (name, value) in [("--width", width), ("--height", height), ("--long-side", longSide)] {
      if let value, value < 1 { throw ValidationError("\(name) has to be at least 1") }
    }
    if let megapixels, !(megapixels > 0 && megapixels.isFinite) {
      throw ValidationError("--megapixels has to be more than 0")
    }
    if given.count > 1 {
      throw ValidationError("\(given[0].name) and \(given[1].name) exclude each other")
    }
  }

  /// What is asked for; nil: a scale.
  var size: OutputSize? { given.first?.size }

  /// The option that is given.
  var name: String? { given.first?.name }

  private var given: [(name: String, size: OutputSize)] {
    let all: [(String, OutputSize?)] = [
      ("--width", width.map(OutputSize.width)), ("--height", height.map(OutputSize.height)),
      ("--long-side", longSide.map(OutputSize.longSide)),
      ("--megapixels", megapixels.map(OutputSize.megapixels)),
    ]
    return all.compactMap { name, size in size.map { (name, $0) } }
  }
}
