import NSARM
import Torch

/// The share of a picture's work that is done.
struct RestorationProgress {
  /// The tiles' share of the operations; the rest is the windows'.
  private let tileShare: Double
  private let tileCount, cellCount: Double
  private let callback: (Double) throws -> Void
  private var tiles = 0.0
  private var cells = 0.0

  init(
    _ layout: TileLayout, _ plan: DecodingPlan, _ operations: OperationCount,
    report: @escaping (Double) throws -> Void
  ) {
    tileShare = 1 - operations.decoder / operations.total
    tileCount = Double(layout.count)
    cellCount = Double((plan.bands.last?.upperBound ?? 0) * (plan.columns.last?.upperBound ?? 0))
    callback = report
  }

  mutating func finish(tiles count: Int) throws {
    tiles += Double(count)
    try report()
  }

  mutating func finish(cells count: Int) throws {
    cells += Double(count)
    try report()
  }

  /// - Parameters:
  ///   - tilesAhead: tiles that a batch under way amounts to.
  ///   - cellsAhead: cells that a window under way amounts to.
  /// - Throws: the error by which the caller stops the work; errors of resources so far.
  func report(tilesAhead: Double = 0, cellsAhead: Double = 0) throws {
    try checkResources()
    try callback(
      (tiles + tilesAhead) / tileCount * tileShare
        + (cells + cellsAhead) / cellCount * (1 - tileShare))
  }
}
