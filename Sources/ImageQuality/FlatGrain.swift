import Torch

/// How much fine structure a picture has where the original is flat: noise that was left, or that a
/// network has invented.
///
/// g = √(mean of h² over the flat places), h = Y − (5x5 mean of Y), of luma in levels of 0...255.
/// Flat is where the original's own h has a root mean square below 1.2 levels over 9x9 pixels.
public enum FlatGrain {
  private static let flat = 1.2
  /// The least share of flat places; fewer say nothing of a picture.
  private static let leastShare = 0.01

  /// - Parameters:
  ///   - picture: `[3, H, W]` in [0, 1].
  ///   - original: of the same size.
  /// - Returns: levels, or nil where hardly anything of the original is flat.
  public static func levels(_ picture: Tensor, original: Tensor) -> Double? {
    let mask = means(highPass(original).square(), 9) .< (flat * flat)
    let (count, all) = (mask.to(.float64).sum().item, Double(mask.count))
    guard count >= leastShare * all else { return nil }
    let energy = (highPass(picture).square() * mask.to(.float64)).sum().item
    return (energy / count).squareRoot()
  }

  /// `[1, 1, H, W]`, float64.
  private static func highPass(_ picture: Tensor) -> Tensor {
    let luma = ComparedChannels.luma.values(picture.unsqueezed(0), border: 0).to(.float64)
    return luma - means(luma, 5)
  }

  /// Means over squares of `side` pixels, of what lies inside of the picture at its edges.
  private static func means(_ x: Tensor, _ side: Int) -> Tensor {
    x.boxMean(side)
  }
}
