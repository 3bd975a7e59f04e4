import Foundation
import Torch

/// Multi-scale structural similarity, MS-SSIM (Wang et al., 2003), of each picture of a batch. With
/// c_j the mean of SSIM's contrast and structure, (2 σxy + C₂) / (σx² + σy² + C₂), at scale j,
/// where each scale is the mean over 2 x 2 pixels of the previous one, and s₅ the mean of SSIM
/// itself at the coarsest: s₅^w₅ Π_{j<5} c_j^w_j with w = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333.
///
/// Window and constants are those of `structuralSimilarity`. A negative factor counts as 0.
///
/// # Shapes
/// x and y `[B, 3, H, W]` in [0, 1], H and W at least 161 without the border, so that the coarsest
/// scale has whole windows → B values.
public func multiScaleStructuralSimilarity(
  _ x: Tensor, _ y: Tensor, _ channels: ComparedChannels = .luma, border: Int = 0
) -> [Double] {
  precondition(x.shape == y.shape && x.rank == 4, "pictures of \(x.shape) and \(y.shape)")
  var (a, b) = (channels.values(x, border: border), channels.values(y, border: border))
  precondition(
    a.size(2) >= 161 && a.size(3) >= 161, "MS-SSIM needs 161 x 161 pixels, not \(a.shape)")
  let weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
  var products = [Double](repeating: 1, count: x.size(0))
  for (scale, weight) in weights.enumerated() {
    if scale > 0 { (a, b) = (halvedByMeans(a), halvedByMeans(b)) }
    let means = similarity(a, b)
    let factors = scale < weights.count - 1 ? means.contrastAndStructure : means.whole
    for (i, factor) in factors.enumerated() { products[i] *= pow(max(factor, 0), weight) }
  }
  return products
}

/// Means of 2 x 2 pixels; the last row and column count twice where the size is odd.
func halvedByMeans(_ x: Tensor) -> Tensor {
  let even = x.padded([0, x.size(3) % 2, 0, x.size(2) % 2], .replicate)
  return even.averagePool2d(2)
}
