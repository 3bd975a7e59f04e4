import Imaging
import Torch

/// Unsharp masking of strong edges only: with blur G, residual R = x − G x and mask M = G [255 |R|
/// > threshold], y = M · clip(x + weight · R) + (1 − M) · x, clip to [0, 1].
public struct UnsharpMask: Sendable {
  /// The fraction of the residual that is added.
  public let weight: Double
  /// Residuals up to this many 8-bit levels are left unchanged.
  public let threshold: Double
  /// The line v of the blur kernel v vᵀ.
  public let line: [Double]

  /// - Parameter size: the number of taps of the Gaussian (OpenCV's default σ for that size); an
  ///   even size is increased by one.
  public init(size: Int = 50, weight: Double = 0.5, threshold: Double = 10) {
    (self.weight, self.threshold) = (weight, threshold)
    line = BlurKernel.gaussianLine(size: size % 2 == 0 ? size + 1 : size)
  }

  /// The blur kernel v vᵀ.
  public var kernel: BlurKernel {
    BlurKernel(size: line.count, values: line.flatMap { y in line.map { $0 * y } })
  }

  /// `[B, 3, H, W]` in [0, 1] → the same shape. This form is the reference of the fast one.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let residual = x - filter2D(x, kernel)
    let mask = filter2D((residual.abs() * 255 .> threshold).to(x.dtype), kernel)
    let sharp = (x + residual * weight).clamped(min: 0, max: 1)
    return mask * sharp + (1 - mask) * x
  }

  func callAsFunction(_ picture: FloatImage) -> FloatImage {
    let blurred = picture.filtered(line: line)
    let limit = Float(threshold)
    var mask = picture
    mask.values.withUnsafeMutableBufferPointer { mask in
      blurred.values.withUnsafeBufferPointer { blurred in
        for i in mask.indices { mask[i] = abs(mask[i] - blurred[i]) * 255 > limit ? 1 : 0 }
      }
    }
    mask = mask.filtered(line: line)
    let share = Float(weight)
    var result = picture
    result.values.withUnsafeMutableBufferPointer { x in
      blurred.values.withUnsafeBufferPointer { blurred in
        mask.values.withUnsafeBufferPointer { mask in
          for i in x.indices {
            let sharp = min(max(x[i] + share * (x[i] - blurred[i]), 0), 1)
            x[i] = mask[i] * sharp + (1 - mask[i]) * x[i]
          }
        }
      }
    }
    return result
  }
}
