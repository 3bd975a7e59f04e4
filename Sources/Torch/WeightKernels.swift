/// A matrix in a form of its own, in which its products are computed. Inference only.
public protocol LinearKernel {
  /// x Wᵀ + b: `[..., I]` → `[..., O]`.
  func linear(_ x: Tensor, _ bias: Tensor?) -> Tensor

  /// gelu(x Wᵀ + b) with the tanh approximation.
  func linearGELU(_ x: Tensor, _ bias: Tensor?) -> Tensor
}

extension LinearKernel {
  public func linearGELU(_ x: Tensor, _ bias: Tensor?) -> Tensor {
    linear(x, bias).gelu(approximate: true)
  }
}

/// A convolution's kernel in a form of its own, in which it is convolved. Inference only.
public protocol ConvolutionKernel {
  /// The range of 8-bit inputs, where it takes such.
  var inputRange: QuantizationRange? { get }

  /// 2-D convolution: `[B, I, H, W]` → `[B, O, H', W']`.
  func conv2d(_ x: Tensor, _ bias: Tensor?, stride: Int, padding: Int) -> Tensor

  /// The same with what comes before or after in one pass over memory; nil where that is not
  /// faster, or not possible.
  func conv2d(
    _ x: Tensor, _ bias: Tensor?, stride: Int, padding: Int, fusion: ConvolutionFusion
  ) -> Tensor?
}

extension ConvolutionKernel {
  public var inputRange: QuantizationRange? { nil }

  public func conv2d(
    _ x: Tensor, _ bias: Tensor?, stride: Int, padding: Int, fusion: ConvolutionFusion
  ) -> Tensor? { nil }
}

/// Additions to a convolution's sum: activation(w * x + bias) + residual, where the activation is
/// max(0, z) + slope · min(0, z), and x may be enlarged by 2 first, by repeating its pixels.
public struct ConvolutionFusion: Sendable {
  /// `[O]`; nil: no activation.
  public var slope: Tensor?
  /// `[B, O, H', W']`.
  public var residual: Tensor?
  public var isEnlarged = false
}

/// A matrix that stays in a mapped file, in a narrower type than that of its inputs, and is widened
/// for every product, after which the memory of its pages is given back.
public struct MappedMatrix: LinearKernel {
  private let matrix: Tensor
  private let release: () -> Void

  /// - Parameters:
  ///   - matrix: `[O, I]`.
  ///   - release: gives the memory of the matrix's pages back.
  public init(_ matrix: Tensor, release: @escaping () -> Void) {
    self.matrix = matrix
    self.release = release
  }

  public func linear(_ x: Tensor, _ bias: Tensor?) -> Tensor {
    defer { release() }
    return x.linear(matrix.to(x.dtype), bias)
  }
}
