import NSARM
import Torch

/// Puts bands of output rows together that come from the top to the bottom and fade into each other
/// where they overlap.
struct FadingBands {
  private let plan: DecodingPlan
  private let scale: Int
  /// The rows that the previous band shares with the next one, which adds to them.
  private var shared: Tensor?

  /// - Parameter scale: rows of a cell.
  init(_ plan: DecodingPlan, scale: Int) {
    self.plan = plan
    self.scale = scale
  }

  /// Takes the rows `[3, n, w]` of `plan.used(band)` and gives those that are finished.
  mutating func add(_ strip: Tensor, _ band: Range<Int>) -> (first: Int, rows: Tensor) {
    let first = plan.used(band, plan.bands).lowerBound * scale
    guard let weights = plan.weights(band, plan.bands, side: scale) else { return (first, strip) }
    let height = strip.size(1)
    let rows = strip * weights.narrowed(0, from: 0, count: height).unsqueezed(1)
    if let shared { rows.narrowed(1, from: 0, count: shared.size(1)).addInPlace(shared) }
    let isLast = band == plan.bands.last
    let kept = isLast ? 0 : 2 * plan.overlap * scale
    shared = isLast ? nil : rows.narrowed(1, from: height - kept, count: kept).cloned()
    return (first, rows.narrowed(1, from: 0, count: height - kept))
  }
}
