/// A weight matrix in the layout of the processor's products, which saves its reordering at every
/// product: on x86 for kernels of our own, elsewhere for oneDNN. Inference on the CPU only.
///
/// By our kernels a row's result does not depend on the other rows.
public struct PackedMatrix: LinearKernel, Sendable {
  /// Whether products of this element type are fast on this processor, and there is a layout for
  /// them.
  public static func isAvailable(_ dtype: DType) -> Bool {
    guard dtype == .float32 || (dtype == .bfloat16 && Processor.current.multipliesBFloat16) else {
      return false
    }
    return hasKernels || Operator.linearPointwise.exists
  }

  /// Whether there is a layout for matrices of this element type, be it fast or not.
  static func hasLayout(_ dtype: DType) -> Bool { hasKernels || isAvailable(dtype) }

  private static let hasKernels = Processor.current.features.isSuperset(of: ["avx2", "fma"])

  private let packed: Tensor
  private let dtype: DType
  private let outputs: Int

  /// - Parameter matrix: `[O, I]`, float32 or bfloat16, on the CPU.
  public init(_ matrix: Tensor) {
    (dtype, outputs) = (matrix.dtype, matrix.size(0))
    let plain = matrix.detached().contiguous()
    packed =
      Self.hasKernels
      ? aten(.packLinear, plain)
      : aten(.reorderLinearWeight, plain, 1024)
  }

  /// x Wᵀ + b in the matrix's element type: `[..., I]` → `[..., O]`.
  public func linear(_ x: Tensor, _ bias: Tensor?) -> Tensor { product(x, bias, gelu: false) }

  /// gelu(x Wᵀ + b) with the tanh approximation.
  public func linearGELU(_ x: Tensor, _ bias: Tensor?) -> Tensor { product(x, bias, gelu: true) }

  private func product(_ x: Tensor, _ bias: Tensor?, gelu: Bool) -> Tensor {
    if Self.hasKernels {
      return aten(.packedLinear, x.to(dtype), packed, outputs, bias, gelu)
    }
    let y = aten(
      .linearPointwise, x.to(dtype), packed, bias?.to(dtype), "none", [Double](), "")
    return gelu ? y.gelu(approximate: true) : y
  }
}
