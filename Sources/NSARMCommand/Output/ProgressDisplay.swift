import Files
import Terminal

/// Progress of a command on standard error: a bar on a terminal, otherwise a line every ten
/// seconds.
final class ProgressDisplay {
  /// The work that is being done: a verb, or a picture and its place among all.
  var name: String
  private let line = ProgressLine(pause: 10, waits: true)
  private var remaining = RemainingTime()

  init(_ name: String) { self.name = name }

  /// - Parameter fraction: the share of all work that is done.
  func update(_ fraction: Double) {
    let left = remaining.update(fraction)
    line.update {
      "\(ProgressLine.bar(fraction)) \(Int(fraction * 100)) % \(name)"
        + (left.map { ", \(ProgressLine.duration($0)) left" } ?? "")
    }
  }

  /// Removes the bar.
  func clear() { line.clear() }
}
