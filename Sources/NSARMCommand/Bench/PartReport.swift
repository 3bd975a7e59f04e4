import Foundation
import Torch

/// The cost of one part of the system.
struct PartReport: Encodable {
  let name: String
  /// The fastest of several runs.
  let seconds: Double
  /// 10¹² operations of matrix products, convolutions and attention.
  let teraflop: Double
  /// 10¹² operations per second.
  let teraflops: Double
  /// Of the machine's peak in the precision that was used.
  let fractionOfPeak: Double
  /// Share of the time by kind of operator, in one watched run.
  let shares: [String: Double]
  /// The costliest operators of that run.
  let operators: [Operator]

  struct Operator: Encodable {
    let name: String
    let calls: Int
    let share: Double
  }

  init(_ name: String, seconds: Double, _ profile: OperatorProfile, peak: Double) {
    self.name = name
    self.seconds = seconds
    teraflop = profile.operations / 1e12
    teraflops = teraflop / seconds
    fractionOfPeak = teraflops / peak
    shares = Dictionary(
      uniqueKeysWithValues: profile.kinds.map { ($0.kind.rawValue, $0.seconds / profile.seconds) })
    operators = profile.entries.prefix(20).map {
      Operator(name: $0.name, calls: $0.calls, share: $0.seconds / profile.seconds)
    }
  }

  /// Times `body` for about `budget` seconds, then watches one more run.
  static func measuring(
    _ name: String, budget: Double, peak: Double, _ body: () throws -> Void
  ) rethrows -> PartReport {
    let seconds = try fastest(budget, body)
    return PartReport(
      name, seconds: seconds, try OperatorProfile.measuring(body).profile, peak: peak)
  }

  /// A line per operator, for the costliest ones.
  func operatorLines(_ count: Int) -> String {
    operators.prefix(count).map {
      String(format: "    %5.1f %%  %5d x  ", $0.share * 100, $0.calls) + $0.name
    }.joined(separator: "\n")
  }

  var line: String {
    let kinds = shares.filter { $0.value >= 0.03 }.sorted { $0.value > $1.value }
      .map { "\($0.key) \(Int(($0.value * 100).rounded())) %" }.joined(separator: ", ")
    return name.padding(toLength: 28, withPad: " ", startingAt: 0)
      + String(
        format: "%9.1f ms %9.2f GFLOP %7.3f TFLOP/s %4.0f %%  ", seconds * 1000, teraflop * 1000,
        teraflops, fractionOfPeak * 100) + kinds
  }
}
