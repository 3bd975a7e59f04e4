import ArgumentParser
import Files
import Imaging

/// The options for writing picture files.
struct PictureOptions: ParsableArguments {
  @OptionGroup var quality: QualityOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Largest size of a file, metadata included, such as 500k, 2M or 512KiB: JPEG, WebP, AVIF and JPEG XL "
        + "get the highest quality up to --quality that fits.", valueName: "size"))
  var maxBytes: ByteCount?

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  init() {}

  var encoding: EncodingOptions {
    var encoding = EncodingOptions(maximumBytes: maxBytes?.bytes)
    if let quality = quality.quality { encoding.quality = quality }
    return encoding
  }
}
