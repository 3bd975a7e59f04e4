import Torch

/// How much structure a picture has where the original is flat: noise that was left, or that a
/// network has invented.
///
/// g = √(mean of h² over the flat places), h = Y less its mean over a window, of luma in levels of
/// 0...255. Flat is where the original's own h has a small root mean square.
public enum FlatGrain {
  /// How large the structure is.
  public enum Size: Sendable {
    /// Of single pixels, which a network invents.
    case fine
    /// Up to some pixels, as the noise of a picture that was enlarged four times has it.
    case coarse

    /// Sides of the window and of the squares in which the original is judged; levels below which
    /// it is flat.
    var shape: (window: Int, square: Int, limit: Double) {
      switch self {
      case .fine: (5, 9, 1.2)
      case .coarse: (17, 17, 1.8)
      }
    }
  }

  /// The least share of flat places; fewer say nothing of a picture.
  private static let leastShare = 0.01

  /// - Parameters:
  ///   - picture: `[3, H, W]` in [0, 1].
  ///   - original: of the same size.
  /// - Returns: levels, or nil where hardly anything of the original is flat.
  public static func levels(_ picture: Tensor, original: Tensor, _ size: Size = .fine) -> Double? {
    let (window, square, limit) = size.shape
    let mask = highPass(original, window).square().boxMean(square) .< (limit * limit)
    let (count, all) = (mask.to(.float64).sum().item, Double(mask.count))
    guard count >= leastShare * all else { return nil }
    let energy = (highPass(picture, window).square() * mask.to(.float64)).sum().item
    return (energy / count).squareRoot()
  }

  /// `[1, 1, H, W]`, float64.
  private static func highPass(_ picture: Tensor, _ window: Int) -> Tensor {
    let luma = ComparedChannels.luma.values(picture.unsqueezed(0), border: 0).to(.float64)
    return luma - luma.boxMean(window)
  }
}
