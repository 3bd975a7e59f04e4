import ArgumentParser
import Upscaling

/// Sizes of outputs from which every picture's scale follows, in the place of one scale for all.
struct SizeOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "In place of --scale: the width of every output. The scale follows from it, and has to be 1...8.",
      valueName: "pixels"))
  var width: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("In place of --scale: the height of every output.", valueName: "pixels"))
  var height: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "In place of --scale: the longer side of every output.", valueName: "pixels"))
  var longSide: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "In place of --scale: the millions of pixels of every output, such as 12 or 2.5.",
      valueName: "count"))
  var megapixels: Double?

  init() {}

  func validate() throws {
    try check(RestorationLimits.width, width)
    try check(RestorationLimits.height, height)
    try check(RestorationLimits.longSide, longSide)
    try check(RestorationLimits.megapixels, megapixels)
    if given.count > 1 {
      throw ValidationError("\(given[0].name) and \(given[1].name) cannot be combined")
    }
  }

  /// The size that is asked for; nil: a scale.
  var size: OutputSize? { given.first?.size }

  /// - Throws: `ValidationError` where a size and a scale are asked for.
  func checkAlone(beside restoration: RestorationOptions) throws {
    if let name, restoration.scale != nil {
      throw ValidationError("\(name) and --scale cannot be combined")
    }
  }

  /// The option that is given.
  private var name: String? { given.first?.name }

  private var given: [(name: String, size: OutputSize)] {
    let all: [(String, OutputSize?)] = [
      ("--width", width.map(OutputSize.width)), ("--height", height.map(OutputSize.height)),
      ("--long-side", longSide.map(OutputSize.longSide)),
      ("--megapixels", megapixels.map(OutputSize.megapixels)),
    ]
    return all.compactMap { name, size in size.map { (name, $0) } }
  }
}
