import ArgumentParser
import Imaging
import NSARM
import Upscaling

/// How pictures and frames are restored: the options of commands that do.
struct RestorationOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "How many times as wide and high the output is: 1...8 (default: 4).")
  var scale: Double?

  @Option(
    parsing: .unconditional,
    help: "Key of the random numbers, 0 or more: the same seed gives the same picture.",
    transform: Self.seed)
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditional,
    help:
      "How freely bits are drawn: 0 takes the likelier value (default: the model's recommendation)."
  )
  var temperature: Double?

  @Option(
    parsing: .unconditional,
    help:
      "Of models with a dial: 1 cleans and sharpens as the model was trained to, 0 keeps grain and softness."
  )
  var strength = 1.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Side in input pixels of the windows that are decoded at once; smaller takes less memory.",
      valueName: "pixels"))
  var tile: Int?

  @Option(
    help: "How the output gets the input's colours (default: what suits the model).")
  var color: ColorMode?

  init() {}

  /// Sides of windows that make sense; above it the window is the picture anyway.
  private static let tiles = 16...ReadOptions().maximumDimension

  @Sendable private static func seed(_ text: String) throws -> UInt64 {
    guard let seed = UInt64(text) else {
      throw ValidationError("a seed is a whole number, 0 to \(UInt64.max)")
    }
    return seed
  }

  func validate() throws {
    if let scale, !OutputSize.scales.contains(scale) {
      throw ValidationError("--scale has to be 1 to 8")
    }
    if let temperature, !(0...100).contains(temperature) {
      throw ValidationError("--temperature has to be 0 to 100")
    }
    guard (0...1).contains(strength) else { throw ValidationError("--strength has to be 0 to 1") }
    if let tile, !Self.tiles.contains(tile) {
      throw ValidationError(
        "--tile has to be \(Self.tiles.lowerBound) to \(Self.tiles.upperBound)")
    }
  }

  /// What is asked of the model of `configuration`.
  func options(_ configuration: ModelConfiguration) -> PhotoUpscaler.Options {
    var options = PhotoUpscaler.Options()
    options.scale = scale
    options.color = color
    options.resolver.seed = seed
    options.resolver.window = tile.map { $0 * configuration.scale }
    var sampling = configuration.sampling
    sampling.temperature = temperature ?? sampling.temperature
    options.resolver.sampling = sampling
    return options
  }
}

extension ColorMode: ExpressibleByArgument {}
