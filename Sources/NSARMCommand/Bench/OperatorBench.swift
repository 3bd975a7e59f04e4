import Foundation
import Torch

/// How long a fused operator takes, beside the composition of libtorch's operators that it
/// replaces.
struct OperatorReport: Encodable {
  let name: String
  /// The fastest of several runs.
  let seconds, composedSeconds: Double
  /// 10⁹ bytes of inputs and results per second.
  let gigabytesPerSecond: Double

  /// Times every fused operator for about `budget` seconds each.
  static func all(budget: Double, precision: Precision) -> [OperatorReport] {
    let type: DType = precision == .bfloat16 ? .bfloat16 : .float32
    return withoutGradients {
      FusedCase.large.compactMap { `case` in
        let inputs = `case`.inputs(RandomGenerator(seed: 3))
        guard inputs[0].dtype == type || `case`.result == type else { return nil }
        let results = `case`.fused(inputs)
        let bytes = (inputs + results).reduce(0) { $0 + $1.count * $1.dtype.size }
        let fused = fastest(budget / 2) { _ = `case`.fused(inputs) }
        let composed = fastest(budget / 2) { _ = `case`.composed(inputs) }
        return OperatorReport(
          name: `case`.description, seconds: fused, composedSeconds: composed,
          gigabytesPerSecond: Double(bytes) / fused / 1e9)
      }
    }
  }

  var line: String {
    name.padding(toLength: 56, withPad: " ", startingAt: 0)
      + String(
        format: "%8.2f ms %7.1f GB/s; composed %8.2f ms", seconds * 1000, gigabytesPerSecond,
        composedSeconds * 1000)
  }
}
