import Foundation
import Torch

/// The weights of MATLAB's rgb2gray: the first row of the inverse of NTSC's YIQ matrix.
let grayWeights = [0.298936021293775, 0.587043074451121, 0.114020904255103]

/// The values that PSNR and SSIM compare.
public enum ComparedChannels: String, Codable, Sendable {
  /// Red, green and blue.
  case rgb
  /// Y of BT.601 in studio range, 16 + 65.481 R + 128.553 G + 24.966 B, as used in super-resolution
  /// papers.
  case luma
  /// 0.2989 R + 0.5870 G + 0.1140 B in full range, rounded to 8 bits, as used by SSIM's authors.
  case gray

  /// `[B, 3, H, W]` in [0, 1] → values in 0 ... 255, float64, without a border of `border` pixels.
  func values(_ x: Tensor, border: Int) -> Tensor {
    let (height, width) = (x.size(2) - 2 * border, x.size(3) - 2 * border)
    precondition(height > 0 && width > 0, "a border of \(border) leaves nothing of \(x.shape)")
    let inner = x.detached().to(.float64).narrowed(2, from: border, count: height)
      .narrowed(3, from: border, count: width)
    switch self {
    case .rgb: return inner * 255
    case .luma:
      let weights = Tensor([65.481, 128.553, 24.966], shape: [3, 1, 1]).to(x.device)
      return (inner * weights).sum([1], keep: true) + 16
    case .gray:
      let weights = Tensor(grayWeights.map { 255 * $0 }, shape: [3, 1, 1]).to(x.device)
      return (inner * weights).sum([1], keep: true).rounded()
    }
  }
}

/// Peak signal-to-noise ratio, 10 log₁₀(255² / mean squared error) in decibels, of each picture of
/// a batch; infinite for equal pictures.
///
/// # Shapes
/// x and y `[B, 3, H, W]` in [0, 1] → B values.
public func peakSignalToNoise(
  _ x: Tensor, _ y: Tensor, _ channels: ComparedChannels = .luma, border: Int = 0
) -> [Double] {
  precondition(x.shape == y.shape && x.rank == 4, "pictures of \(x.shape) and \(y.shape)")
  let difference = channels.values(x, border: border) - channels.values(y, border: border)
  return difference.square().mean([1, 2, 3]).values(Double.self).map { 10 * log10(255 * 255 / $0) }
}

/// Structural similarity (Wang et al., 2004) of each picture of a batch: Gaussian window 11 x 11, σ
/// = 1.5, whole windows only, K₁ = 0.01, K₂ = 0.03, range 255; the mean over positions and
/// channels.
///
/// # Shapes
/// x and y `[B, 3, H, W]` in [0, 1], H and W at least 11 without the border → B values.
public func structuralSimilarity(
  _ x: Tensor, _ y: Tensor, _ channels: ComparedChannels = .luma, border: Int = 0
) -> [Double] {
  precondition(x.shape == y.shape && x.rank == 4, "pictures of \(x.shape) and \(y.shape)")
  let (a, b) = (channels.values(x, border: border), channels.values(y, border: border))
  precondition(a.size(2) >= 11 && a.size(3) >= 11, "SSIM needs 11 x 11 pixels, not \(a.shape)")
  return similarity(a, b).whole
}

/// The means of SSIM's map and of its factor without luminance, (2 σxy + C₂) / (σx² + σy² + C₂),
/// over positions and channels.
///
/// # Shapes
/// a and b `[B, C, H, W]` in 0 ... 255, float64, H and W at least 11 → B values each.
func similarity(_ a: Tensor, _ b: Tensor) -> (whole: [Double], contrastAndStructure: [Double]) {
  let count = a.size(1)
  let line = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
  let weights = Tensor(line.map { $0 / line.reduce(0, +) }).to(a.device)
  let (column, row) = (
    weights.reshaped(1, 1, 11, 1).repeated([count, 1, 1, 1]),
    weights.reshaped(1, 1, 1, 11).repeated([count, 1, 1, 1])
  )
  func mean(_ x: Tensor) -> Tensor { x.conv2d(column, groups: count).conv2d(row, groups: count) }

  let (c1, c2) = (2.55 * 2.55, 7.65 * 7.65)
  let (μa, μb) = (mean(a), mean(b))
  let (σaa, σbb, σab) = (
    mean(a.square()) - μa.square(), mean(b.square()) - μb.square(), mean(a * b) - μa * μb
  )
  let contrastAndStructure = (2 * σab + c2) / (σaa + σbb + c2)
  let luminance = (2 * μa * μb + c1) / (μa.square() + μb.square() + c1)
  return (
    (luminance * contrastAndStructure).mean([1, 2, 3]).values(Double.self),
    contrastAndStructure.mean([1, 2, 3]).values(Double.self)
  )
}
