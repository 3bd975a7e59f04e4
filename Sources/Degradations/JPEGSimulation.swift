import Foundation
import Torch

/// The losses of JPEG without its entropy coder: YCbCr, 2 x 2 means of chroma, 8 x 8 DCT,
/// quantisation, and the inverse (Shin, Song 2017). Pictures are padded with black to multiples of
/// 16.
///
/// Quantisation tables are those of Annex K scaled by s(q) = 50 / q for q < 50, else 2 − q / 50.
public struct JPEGSimulation: Sendable {
  /// The rounding of quantised coefficients.
  public enum Rounding: Sendable {
    /// To the nearest integer, half to even; no gradient.
    case nearest
    /// ⌊c⌉ + (c − ⌊c⌉)³, whose gradient is not zero.
    case cubic
  }

  public var rounding: Rounding

  public init(rounding: Rounding = .nearest) { self.rounding = rounding }

  /// The factor of the quantisation tables for a quality in (0, 100).
  static func tableScale(_ quality: Double) -> Double {
    quality < 50 ? 50 / quality : 2 - quality / 50
  }

  /// Annex K, by vertical then horizontal frequency in the transposed order that the reference
  /// uses.
  static let luma: [Float] = transposed([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
  ])
  static let chroma: [Float] = {
    let corner: [[Float]] = [
      [17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99],
    ]
    return (0..<64).map { $0 / 8 < 4 && $0 % 8 < 4 ? corner[$0 / 8][$0 % 8] : 99 }
  }()

  private static func transposed(_ table: [Float]) -> [Float] {
    (0..<64).map { table[$0 % 8 * 8 + $0 / 8] }
  }

  /// The orthonormal DCT-II: D(u, x) = α(u)/2 · cos((2x + 1) u π / 16), α(0) = 1/√2, else 1.
  static let cosines: [Float] = (0..<64).map { i in
    let (u, x) = (i / 8, i % 8)
    let alpha = u == 0 ? 0.5.squareRoot() : 1
    return Float(0.5 * alpha * cos(Double((2 * x + 1) * u) * .pi / 16))
  }

  static let toYCbCr: [Float] = [
    0.299, 0.587, 0.114, -0.168736, -0.331264, 0.5, 0.5, -0.418688, -0.081312,
  ]
  static let toRGB: [Float] = [1, 0, 1.402, 1, -0.344136, -0.714136, 1, 1.772, 0]

  // MARK: Tensors

  /// RGB `[B, 3, H, W]` in [0, 1] → the same shape, as decoded.
  public func callAsFunction(_ x: Tensor, quality: Double) -> Tensor {
    let (height, width) = (x.size(2), x.size(3))
    let (h, w) = ((height + 15) / 16 * 16, (width + 15) / 16 * 16)
    let y = coefficients(x, quality: quality)
    let planes = zip(y, [(h, w), (h / 2, w / 2), (h / 2, w / 2)]).enumerated().map { index, item in
      let (coefficients, (h, w)) = item
      let scaled = coefficients * table(index, quality, x)  // [B, N, 8, 8]
      let blocks = D(x).transposed(0, 1).matmul(scaled).matmul(D(x)) + 128
      return blocks.reshaped(-1, h / 8, w / 8, 8, 8).permuted(0, 1, 3, 2, 4).reshaped(-1, 1, h, w)
    }
    let full = planes.enumerated().map { index, plane in
      index == 0 ? plane : plane.resized(h, w, .nearest)
    }
    let chroma = Tensor([0, -128, -128] as [Float], shape: [3, 1, 1]).to(x.dtype).to(x.device)
    let rgb = mixed(Tensor.concatenated(full, 1) + chroma, Self.toRGB)
    return rgb.narrowed(2, from: 0, count: height).narrowed(3, from: 0, count: width)
      .clamped(min: 0, max: 255) / 255
  }

  /// Rounded coefficients of Y, Cb and Cr, `[B, blocks, 8, 8]` each, blocks row by row.
  public func coefficients(_ x: Tensor, quality: Double) -> [Tensor] {
    let (right, bottom) = ((16 - x.size(3) % 16) % 16, (16 - x.size(2) % 16) % 16)
    let offset = Tensor([0, 128, 128] as [Float], shape: [3, 1, 1]).to(x.dtype).to(x.device)
    let ycc = mixed(x.padded([0, right, 0, bottom]) * 255, Self.toYCbCr) + offset
    return (0..<3).map { index in
      var plane = ycc.narrowed(1, from: index, count: 1)  // [B, 1, h, w]
      if index > 0 { plane = plane.resized(plane.size(2) / 2, plane.size(3) / 2, .area) }
      let (h, w) = (plane.size(2), plane.size(3))
      let blocks =
        plane.reshaped(-1, h / 8, 8, w / 8, 8).permuted(0, 1, 3, 2, 4)
        .reshaped(-1, h * w / 64, 8, 8) - 128
      let c = D(x).matmul(blocks).matmul(D(x).transposed(0, 1)) / table(index, quality, x)
      let nearest = c.rounded()
      guard case .cubic = rounding else { return nearest }
      let rest = c - nearest
      return nearest + rest * rest * rest
    }
  }

  private func D(_ x: Tensor) -> Tensor {
    Tensor(Self.cosines, shape: [8, 8]).to(x.dtype).to(x.device)
  }

  private func table(_ index: Int, _ quality: Double, _ x: Tensor) -> Tensor {
    let values = index == 0 ? Self.luma : Self.chroma
    return Tensor(values, shape: [8, 8]).to(x.dtype).to(x.device) * Self.tableScale(quality)
  }

  /// A 3 x 3 matrix applied to the channels of `[B, 3, H, W]`.
  private func mixed(_ x: Tensor, _ matrix: [Float]) -> Tensor {
    x.conv2d(Tensor(matrix, shape: [3, 3, 1, 1]).to(x.dtype).to(x.device))
  }
}
