import ArgumentParser
import Imaging
import Upscaling

/// The quality of lossy formats.
struct QualityOptions: ParsableArguments {
  @Option(
    parsing: .unconditional, help: "Quality of JPEG, WebP, AVIF and JPEG XL: 1...100 (default: 92)."
  )
  var quality: Int?

  init() {}

  func validate() throws { try check(RestorationLimits.quality, quality) }
}

/// The form of restored pictures, beside their size.
struct FormatOptions: ParsableArguments {
  @Option(
    help:
      "Format of the outputs (default: by the output's name, or the input's; PNG where it says none)."
  )
  var format: ImageFormat?

  @Option(
    help: ArgumentHelp(
      "Metadata of the outputs: all; colours and density only; or all without place, owner's name, "
        + "serial numbers, maker's notes and thumbnails; credits stay (default: keep).",
      valueName: "keep|strip|private"))
  var metadata: MetadataPolicy?

  @Option(
    help: ArgumentHelp(
      "Put a colour behind transparent pictures, whose outputs then have no transparency: a name such "
        + "as white, or #rrggbb.", valueName: "colour"),
    transform: Self.color)
  var background: PictureColor?

  init() {}

  @Sendable private static func color(_ text: String) throws -> PictureColor {
    guard let color = PictureColor(text) else {
      let names = PictureColor.names.keys.sorted().joined(separator: ", ")
      throw ValidationError("a colour is #rrggbb or one of \(names)")
    }
    return color
  }
}
