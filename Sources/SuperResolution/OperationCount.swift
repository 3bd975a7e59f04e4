import NSARM
import Torch

/// Floating-point operations of matrix products, convolutions and attention; a multiplication with
/// its addition is two.
public struct OperationCount: Codable, Equatable, Sendable {
  /// Operations of every tile: its condition and prefix, and its bits.
  public var prefix = 0.0
  public var transformer = 0.0
  /// The decoder over all windows.
  public var decoder = 0.0

  public var total: Double { prefix + transformer + decoder }
}

extension SuperResolver {
  /// The number of scales that are run; 0: the decoder makes the picture alone.
  func scaleCount(_ options: Options) -> Int {
    guard model.hasCode else { return 0 }
    let c = model.configuration
    return options.acceleration.scales ?? c.scales ?? c.schedule.count
  }

  /// The operations that a picture of this size takes, overlaps of tiles and margins of windows
  /// included.
  public func operationCount(width: Int, height: Int, _ options: Options = Options()) throws
    -> OperationCount
  {
    let layout = try TileLayout(
      model.configuration, width: width, height: height, overlap: options.overlap)
    return operationCount(
      layout, DecodingPlan(layout, width: width, height: height, options, model),
      options)
  }

  func operationCount(_ layout: TileLayout, _ plan: DecodingPlan, _ options: Options)
    -> OperationCount
  {
    let branches = (options.sampling ?? model.configuration.sampling).guidance.isOff ? 1.0 : 2.0
    let (tiles, pixels) = (Double(layout.count), Double(layout.tilePixels))
    var count = OperationCount()
    count.decoder = Double(plan.decodedCells(of: layout.latent)) * model.decoder.operationsPerCell
    let scales = scaleCount(options)
    guard scales > 0 else { return count }
    if let network = model.transformationNetwork {
      let latent = network.readsLatent ? model.encoder?.operations(pixels: pixels) ?? 0 : 0
      count.prefix = tiles * (network.operations(pixels: pixels) + latent)
    }
    if let transformer = model.transformer {
      let condition = transformer.pictureCondition?.operations(pixels: pixels) ?? 0
      count.prefix += tiles * branches * condition
      count.transformer =
        tiles * branches
        * transformer.operations(
          tokens: layout.schedule.tokens.prefix(scales).map(\.count),
          forced: min(model.transformationNetwork?.scaleCount ?? 0, scales))
    }
    return count
  }
}
