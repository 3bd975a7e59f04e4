import ArgumentParser
import Foundation

/// `nsarm-benchmark peak`
struct Peak: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast this machine multiplies, in 10^12 operations per second.",
    discussion: "Prints a JSON object: every measurement, and the best of each element type.")

  @Option(help: ArgumentHelp("Seconds that each operator is tried.", valueName: "seconds"))
  var time = 1.0

  @OptionGroup var place: DeviceOptions

  func validate() throws {
    guard time > 0, time.isFinite else { throw ValidationError("--time has to be positive") }
  }

  func run() throws {
    let peak = MachinePeak(on: try place.prepare(), seconds: time)
    print(String(decoding: try peak.json(), as: UTF8.self))
  }
}
