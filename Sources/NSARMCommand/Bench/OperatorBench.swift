import Foundation
import Torch

/// The time of a fused operator, beside the composition of libtorch's operators that it replaces.
struct OperatorReport: Encodable {
  let name: String
  /// Element type of the inputs.
  let type: String
  /// The fastest of several runs.
  let seconds, composedSeconds: Double
  /// The composition's time over the operator's.
  let gain: Double
  /// 10⁹ bytes of inputs and results per second.
  let gigabytesPerSecond: Double

  /// Whether the composition would have been faster, by more than measurements differ.
  var isSlower: Bool { gain < 0.9 }

  /// Times every fused operator in every element type for about `budget` seconds each.
  static func all(budget: Double) -> [OperatorReport] {
    withoutGradients {
      FusedCase.large.map { `case` in
        let inputs = `case`.inputs(RandomGenerator(seed: 3))
        let results = `case`.fused(inputs)
        let bytes = (inputs + results).reduce(0) { $0 + $1.count * $1.dtype.size }
        let (fused, composed) = fastest(
          budget, { _ = `case`.fused(inputs) }, { _ = `case`.composed(inputs) })
        return OperatorReport(
          name: `case`.description, type: "\(`case`.result)", seconds: fused,
          composedSeconds: composed, gain: composed / fused,
          gigabytesPerSecond: Double(bytes) / fused / 1e9)
      }
    }
  }

  var line: String {
    name.padding(toLength: 56, withPad: " ", startingAt: 0)
      + String(
        format: "%8.2f ms %7.1f GB/s; composed %8.2f ms, %5.1f times", seconds * 1000,
        gigabytesPerSecond, composedSeconds * 1000, gain) + (isSlower ? "  SLOWER" : "")
  }
}

/// The fastest of several runs of either, in turn: what else the machine does meets both.
private func fastest(
  _ budget: Double, _ one: () -> Void, _ other: () -> Void
) -> (Double, Double) {
  var best = (one: Double.infinity, other: Double.infinity)
  let end = Date().addingTimeInterval(budget)
  repeat {
    // A few of one kind at a time, so that each finds its data in the caches.
    best.one = min(best.one, fastest(budget / 20, one))
    best.other = min(best.other, fastest(budget / 20, other))
  } while Date() < end
  return best
}
