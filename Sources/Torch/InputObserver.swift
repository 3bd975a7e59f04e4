import Foundation

/// A kernel that is convolved plainly and notes the smallest and the largest of its inputs, for
/// `QuantizationRange`.
public final class InputObserver: ConvolutionKernel {
  public private(set) var minimum = 0.0
  public private(set) var maximum = 0.0

  private let kernel: Tensor

  /// - Parameter kernel: `[O, I, k, k]`.
  public init(_ kernel: Tensor) { self.kernel = kernel }

  public func conv2d(_ x: Tensor, _ bias: Tensor?, stride: Int, padding: Int) -> Tensor {
    include(x)
    return x.conv2d(kernel.to(x.dtype), bias, stride: stride, padding: padding)
  }

  private func include(_ x: Tensor) {
    let ends = atenList(.aminmax, [x.detached().flattened().to(.float32)])
    minimum = min(minimum, ends[0].item)
    maximum = max(maximum, ends[1].item)
  }
}
