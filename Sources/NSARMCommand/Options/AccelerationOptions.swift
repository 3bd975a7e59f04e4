import ArgumentParser
import NSARM
import SuperResolution
import Upscaling

/// The number of scales that are run.
struct ScaleCountOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Run the first scales only: faster, with less detail; 0: none, where the decoder reads the "
        + "picture itself (default: as the model recommends, else all).", valueName: "count"))
  var scales: Int?

  init() {}

  func validate() throws { try check(RestorationLimits.scales, scales) }
}

/// Shortcuts of the transformer.
struct AccelerationOptions: ParsableArguments {
  @OptionGroup var scaleCount: ScaleCountOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Shares of the tokens to leave out at the last scales, coarse to fine, such as 0.3,0.5: faster, "
        + "detail is taken from the scale before where little changes.", valueName: "shares"))
  var prune: Shares?

  @Flag(
    help: "All scales at once, for models distilled to that; others lose most of their detail.")
  var onePass = false

  init() {}

  var acceleration: Acceleration {
    var acceleration = Acceleration()
    acceleration.scales = scaleCount.scales
    acceleration.pruning = prune?.values ?? []
    acceleration.onePass = onePass
    return acceleration
  }
}
