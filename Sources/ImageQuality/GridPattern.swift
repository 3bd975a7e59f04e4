import Foundation
import Torch

/// The strength of patterns that repeat every 2, 4 or 8 pixels, which are typical of networks with
/// pixel-shuffle or strided layers.
///
/// The power spectrum of luma is averaged over windows of 64x64 pixels (Welch, 1967). Of each
/// frequency whose periods are 2, 4 or 8 pixels, down, across or both, the power is compared with
/// the median of its neighbourhood, 7x7 frequencies of which the inner 3x3 are left out; the
/// neighbourhood counts as at least the power of rounding to 8 bits. Pictures without a pattern
/// have ratios of a few; a faint dotted pattern has ten and more.
public enum GridPattern {
  static let side = 64

  /// The largest ratio for each period.
  ///
  /// # Shapes
  /// picture `[3, H, W]` in [0, 1], H and W at least 64 → ratios by period in pixels.
  public static func strengths(_ picture: Tensor) -> [Int: Double] {
    let power = spectrum(
      ComparedChannels.luma.values(picture.unsqueezed(0), border: 0).selected(0, 0).selected(0, 0))
    var result: [Int: Double] = [:]
    for period in [2, 4, 8] {
      let step = side / period
      let marks = stride(from: 0, to: side, by: step)
      var largest = 0.0
      for u in marks {
        for v in marks where u != 0 || v != 0 {
          // Multiples of a coarser step belong to the shorter period.
          if period > 2, u % (2 * step) == 0, v % (2 * step) == 0 { continue }
          largest = max(largest, power[u * side + v] / neighbourhood(power, u, v))
        }
      }
      result[period] = largest
    }
    return result
  }

  /// Mean power `[64 · 64]` over windows that overlap by half, `[H, W]` of 0 ... 255, in units of
  /// the power of rounding to whole levels.
  private static func spectrum(_ luma: Tensor) -> [Double] {
    let hann = Tensor((0..<side).map { pow(sin(.pi * (Double($0) + 0.5) / Double(side)), 2) })
    let window = hann.unsqueezed(1) * hann
    var sum = Tensor.zeros([side, side], .float64)
    var count = 0.0
    for y in stride(from: 0, through: luma.size(0) - side, by: side / 2) {
      for x in stride(from: 0, through: luma.size(1) - side, by: side / 2) {
        let part = luma.narrowed(0, from: y, count: side).narrowed(1, from: x, count: side)
        sum = sum + ((part - part.mean()) * window).fourierTransformed2d().abs().square()
        count += 1
      }
    }
    let rounding = window.square().sum().item / 12
    return (sum * (1 / (count * rounding))).values(Double.self)
  }

  private static func neighbourhood(_ power: [Double], _ u: Int, _ v: Int) -> Double {
    var around: [Double] = []
    for du in -3...3 {
      for dv in -3...3 where max(abs(du), abs(dv)) > 1 {
        around.append(power[(u + du + side) % side * side + (v + dv + side) % side])
      }
    }
    around.sort()
    return max(around[around.count / 2], 1)
  }
}
