import ArgumentParser
import NSARM
import Upscaling

/// The part of a picture that is decoded at once.
struct TileOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Side in input pixels of the windows that are decoded at once; smaller ones take less memory.",
      valueName: "pixels"))
  var tile: Int?

  init() {}

  func validate() throws { try check(RestorationLimits.tile, tile) }

  /// The side of the windows in output pixels; nil: by the size of the decoder.
  func window(_ configuration: ModelConfiguration) -> Int? {
    tile.map { $0 * configuration.scale }
  }
}
