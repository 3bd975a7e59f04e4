import ArgumentParser
import Imaging
import Upscaling

/// What is asked of a service: the settings of its API.
struct ClientSettings: ParsableArguments {
  @Option(help: ArgumentHelp("One of the service's models (default: its own).", valueName: "name"))
  var model: String?

  @Option(
    parsing: .unconditional,
    help: "How many times as wide and high the output is: 1...8 (default: 4).")
  var scale: Double?

  @OptionGroup var size: SizeOptions

  @Option(
    parsing: .unconditional,
    help: "Of models with a dial: 1 cleans and sharpens, 0 keeps grain and softness.")
  var strength: Double?

  @Option(
    parsing: .unconditional,
    help:
      "How freely bits are drawn: 0 takes the likelier value (default: the model's recommendation)."
  )
  var temperature: Double?

  @Option(
    parsing: .unconditional,
    help: "Key of the random numbers: the same seed gives the same picture (default: 0).")
  var seed: UInt64?

  @Option(help: "How the output gets the input's colours (default: what suits the model).")
  var color: ColorMode?

  @Option(help: "Format of the outputs (default: by the output's name, or the input's).")
  var format: ImageFormat?

  @Option(
    parsing: .unconditional, help: "Quality of JPEG, WebP, AVIF and JPEG XL: 1...100 (default: 92)."
  )
  var quality: Int?

  @Option(
    help: ArgumentHelp(
      "Which metadata the outputs get (default: keep).", valueName: "keep|strip|private"))
  var metadata: MetadataPolicy?

  @Option(
    help: ArgumentHelp(
      "Put a colour behind transparent pictures: a name such as white, or #rrggbb.",
      valueName: "colour"))
  var background: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What the pictures show, for models that take it.", valueName: "text"))
  var prompt: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Run the first scales only: faster, with less detail.", valueName: "count"))
  var scales: Int?

  init() {}

  func validate() throws {
    if let name = size.name, scale != nil {
      throw ValidationError("\(name) and --scale exclude each other")
    }
    if let scale, !OutputSize.scales.contains(scale) {
      throw ValidationError("--scale has to be 1 to 8")
    }
  }

  /// How large outputs are.
  var outputSize: OutputSize { size.size ?? .scale(scale ?? 4) }

  /// By their names in the API; what is not given is the service's to decide.
  /// - Parameter output: the file that is wanted, whose name has the format.
  func fields(_ output: String) -> [String: String] {
    let all: [String: String?] = [
      "model": model, "scale": scale.map { "\($0)" }, "width": size.width.map { "\($0)" },
      "height": size.height.map { "\($0)" }, "longSide": size.longSide.map { "\($0)" },
      "megapixels": size.megapixels.map { "\($0)" }, "strength": strength.map { "\($0)" },
      "temperature": temperature.map { "\($0)" }, "seed": seed.map { "\($0)" },
      "color": color?.rawValue, "format": (format ?? ImageFormat(path: output))?.rawValue,
      "quality": quality.map { "\($0)" }, "metadata": metadata?.rawValue,
      "background": background, "prompt": prompt, "scales": scales.map { "\($0)" },
    ]
    return all.compactMapValues(\.self)
  }
}
