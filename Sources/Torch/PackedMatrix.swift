/// A weight matrix in oneDNN's blocked layout, which saves its reordering at every product.
public struct PackedMatrix: Sendable {
  /// Whether libtorch was built with oneDNN, and oneDNN knows the element type on this processor.
  public static func isAvailable(_ dtype: DType) -> Bool {
    guard Operators.has("mkldnn::_linear_pointwise") else { return false }
    return dtype == .float32 || (dtype == .bfloat16 && Processor.current.multipliesBFloat16)
  }

  private let packed: Tensor
  private let dtype: DType

  /// - Parameter matrix: `[O, I]`, float32 or bfloat16, on the CPU.
  public init(_ matrix: Tensor) {
    dtype = matrix.dtype
    packed = aten("mkldnn::_reorder_linear_weight", matrix.detached().contiguous(), 1024)
  }

  /// x Wᵀ + b in the matrix's element type: `[..., I]` → `[..., O]`.
  public func linear(_ x: Tensor, _ bias: Tensor?) -> Tensor {
    aten(
      "mkldnn::_linear_pointwise", x.to(dtype), packed, bias?.to(dtype), "none", [Double](), "")
  }
}
