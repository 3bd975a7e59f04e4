import ArgumentParser
import NSARM

/// Shortcuts of the transformer.
struct AccelerationOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Run the first scales only: faster, with less detail; 0: none, where the decoder reads the "
        + "picture itself (default: as the model recommends, else all).", valueName: "count"))
  var scales: Int?

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
    acceleration.scales = scales
    acceleration.pruning = prune?.values ?? []
    acceleration.onePass = onePass
    return acceleration
  }
}

/// A list of numbers from 0 to 0.95, "0.3,0.5".
struct Shares: ExpressibleByArgument {
  let values: [Double]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Double($0) }.filter { (0...0.95).contains($0) }
    if values.count != parts.count { return nil }
  }
}
