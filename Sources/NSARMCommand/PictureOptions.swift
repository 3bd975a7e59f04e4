import ArgumentParser
import Imaging

/// How pictures are written: the options of commands that do.
struct PictureOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "Quality of JPEG, WebP, AVIF and JPEG XL: 1...100.")
  var quality = 92

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Size of each file at most, metadata included, such as 500k, 2M or 512KiB: JPEG, WebP, AVIF and JPEG "
        + "XL get the highest quality up to --quality that fits.", valueName: "size"))
  var maxBytes: ByteCount?

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  init() {}

  func validate() throws {
    guard (1...100).contains(quality) else { throw ValidationError("--quality has to be 1 to 100") }
  }

  var encoding: EncodingOptions {
    EncodingOptions(quality: quality, maximumBytes: maxBytes?.bytes)
  }
}
