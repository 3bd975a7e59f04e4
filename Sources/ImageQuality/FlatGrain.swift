import Torch

/// The amount of structure in a picture where the original is flat: residual noise, or detail that
/// a network has invented.
///
/// g = √(mean of h² over the flat places), h = Y less its mean over a window, of luma in levels of
/// 0...255. A place is flat where the original's own h has a small root mean square.
public enum FlatGrain {
  /// The scale of the structure.
  public enum Size: Sendable {
    /// Single pixels, as networks invent it.
    case fine
    /// Several pixels, as in the noise of a picture that was enlarged four times.
    case coarse

    /// The sides of the window and of the squares in which the original is judged, and the level
    /// below which it is flat.
    var shape: (window: Int, square: Int, limit: Double) {
      switch self {
      case .fine: (5, 9, 1.2)
      case .coarse: (17, 17, 1.8)
      }
    }
  }

  /// The smallest fraction of flat places; fewer are not representative of the picture.
  private static let minimumFraction = 0.01

  /// - Parameters:
  ///   - picture: `[3, H, W]` in [0, 1].
  ///   - original: of the same size.
  /// - Returns: g in levels, or nil where too little of the original is flat.
  public static func levels(_ picture: Tensor, original: Tensor, _ size: Size = .fine) -> Double? {
    let (window, square, limit) = size.shape
    let mask = highPass(original, window).square().boxMean(square) .< (limit * limit)
    let (count, all) = (mask.to(.float64).sum().item, Double(mask.count))
    guard count >= minimumFraction * all else { return nil }
    let energy = (highPass(picture, window).square() * mask.to(.float64)).sum().item
    return (energy / count).squareRoot()
  }

  /// `[1, 1, H, W]`, float64.
  private static func highPass(_ picture: Tensor, _ window: Int) -> Tensor {
    let luma = ComparedChannels.luma.values(picture.unsqueezed(0), border: 0).to(.float64)
    return luma - luma.boxMean(window)
  }
}
