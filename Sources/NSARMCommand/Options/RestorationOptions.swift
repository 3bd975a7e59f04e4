import ArgumentParser
import NSARM
import Upscaling

/// Options of a restoration, wherever it is done: here, or by a service.
struct RestorationOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "Width and height of the output as multiples of the input's: 1...8 (default: 4).")
  var scale: Double?

  @Option(
    parsing: .unconditional,
    help:
      "For models with a dial: 1 cleans and sharpens as the model was trained to, 0 keeps grain and softness (default: 1)."
  )
  var strength: Double?

  @Option(
    parsing: .unconditional,
    help:
      "Freedom in drawing detail, 0 to 100: 0 takes the likelier value of every bit (default: the model's recommendation)."
  )
  var temperature: Double?

  @Option(
    parsing: .unconditional,
    help:
      "Seed of the random numbers, 0 or more: the same seed gives the same picture (default: 0).",
    transform: Self.seed)
  var seed: UInt64?

  @Option(help: "Method that gives the output the input's colours (default: what suits the model).")
  var color: ColorMode?

  init() {}

  @Sendable private static func seed(_ text: String) throws -> UInt64 {
    guard let seed = UInt64(text) else {
      throw ValidationError("a seed is a whole number, 0 to \(UInt64.max)")
    }
    return seed
  }

  func validate() throws {
    try check(RestorationLimits.scale, scale)
    try check(RestorationLimits.strength, strength)
    try check(RestorationLimits.temperature, temperature)
  }

  /// The size of outputs for which no other option asks.
  var outputSize: OutputSize { .scale(scale ?? RestorationLimits.scale.standard!) }

  /// The setting of a model's dial.
  var dial: Double { strength ?? RestorationLimits.strength.standard! }

  /// The options for a model.
  func options(_ configuration: ModelConfiguration) -> PhotoUpscaler.Options {
    var options = PhotoUpscaler.Options()
    options.size = outputSize
    options.color = color
    options.resolver.seed = seed ?? 0
    var sampling = configuration.sampling
    sampling.temperature = temperature ?? sampling.temperature
    options.resolver.sampling = sampling
    return options
  }
}
