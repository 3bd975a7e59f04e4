import ArgumentParser
import Foundation
import Torch

/// The root command, `nsarm-benchmark`: prints every figure that the documentation quotes.
@main
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nsarm-benchmark",
    abstract: "Measure the quality of models.",
    subcommands: [Evaluate.self])

  static func main() {
    TorchRuntime.keepFreedMemory()
    main(nil)
  }
}

/// A line on standard error.
func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

/// 75 → "1 min 15 s".
func duration(_ seconds: Double) -> String {
  let whole = Int(seconds.rounded())
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
  return "\(whole / 3600) h \(whole / 60 % 60) min"
}

/// Lines such as "[3/40] bridge.png: ...; 12 s, 2 min 28 s left".
struct Countdown {
  let total: Int
  private let start = Date()

  init(_ total: Int) { self.total = total }

  func finished(_ count: Int, _ text: String) {
    let elapsed = Date().timeIntervalSince(start)
    let rest = elapsed / Double(count) * Double(total - count)
    note("[\(count)/\(total)] \(text); \(duration(elapsed)), \(duration(rest)) left")
  }
}
