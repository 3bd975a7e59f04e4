/// A weight matrix W `[O, I]` in 8 bits with a scale per output, laid out for the processor. Inputs
/// are quantised on the way, each row with a scale of its own, so that no range has to be known
/// beforehand and a row's result depends on nothing else: y = s_x s_w (q_x − z) q_wᵀ + b, summed in
/// 32 bits. Inference on the CPU only.
///
/// Both factors have 8 bits where the processor adds four products to a 32-bit sum (AVX-512 VNNI).
/// Others add them in 16 bits, which four products of 7-bit numbers fit; they take 7.
public struct QuantizedMatrix: LinearKernel, Sendable {
  /// Element type of the outputs, float32 or bfloat16.
  public let output: DType
  private let packed, scales, offsets: Tensor

  /// - Parameters:
  ///   - matrix: `[O, I]`, float32 or bfloat16; or in 8 bits, int8 with `scales` `[O]`; or in 4,
  ///     uint8 `[O, I / 2]`, an even input in the low half of a byte and the next in the high one,
  ///     each plus 8, with `scales` `[O, I / group]`.
  ///   - output: element type of the outputs.
  public init(_ matrix: Tensor, scales: Tensor? = nil, output: DType = .float32) {
    let parts = atenList(.packMatrix, [matrix.detached(), scales])
    (packed, self.scales, offsets) = (parts[0], parts[1], parts[2])
    self.output = output
  }

  /// x Wᵀ + b: x `[..., I]`, float32 or bfloat16 → `[..., O]`.
  public func linear(_ x: Tensor, _ bias: Tensor?) -> Tensor { product(x, bias, gelu: false) }

  /// gelu(x Wᵀ + b) with the tanh approximation.
  public func linearGELU(_ x: Tensor, _ bias: Tensor?) -> Tensor { product(x, bias, gelu: true) }

  private func product(_ x: Tensor, _ bias: Tensor?, gelu: Bool) -> Tensor {
    aten(.quantizedLinear, x, packed, scales, offsets, bias, gelu, output)
  }

  /// The largest numbers of 8-bit products: the first operand lies in 0...n, and the second in
  /// −m...m.
  static var limits: (first: Int, second: Int) {
    let limits: [Int64] = aten(.productLimits).values()
    return (Int(limits[0]), Int(limits[1]))
  }

  /// The computation of `linear` in libtorch's operators and float64; W in floating point.
  static func reference(_ x: Tensor, _ matrix: Tensor, _ bias: Tensor?) -> Tensor {
    func quantized(_ rows: Tensor, _ limit: Int) -> (q: Tensor, scale: Tensor) {
      let rows = rows.to(.float32)
      let most = rows.abs().max([-1], keep: true)
      let scale = (most / Double(limit)).selected(where: most .> 0, else: .ones(like: most))
      return (
        (rows * (Tensor.ones(like: scale) / scale)).rounded().to(.float64), scale.to(.float64)
      )
    }
    let (q, scale) = quantized(x, limits.first / 2)
    let (w, weightScale) = quantized(matrix, limits.second)
    let product = q.matmul(w.transposed(0, 1)) * scale * weightScale.transposed(0, 1)
    return bias.map { product + $0.to(.float64) } ?? product
  }
}

/// A quantised matrix that is made for every product and given up after it, since not all of a
/// model fits into memory.
public final class StreamedMatrix: LinearKernel {
  private let shape: [Int]
  private let make: () throws -> QuantizedMatrix

  /// - Parameters:
  ///   - shape: `[O, I]`.
  ///   - make: reads the stored weight and lays it out; what it throws is an error of the region
  ///     around the product (`throwingResourceErrors`).
  public init(_ shape: [Int], _ make: @escaping () throws -> QuantizedMatrix) {
    self.shape = shape
    self.make = make
  }

  public func linear(_ x: Tensor, _ bias: Tensor?) -> Tensor { matrix.linear(x, bias) }
  public func linearGELU(_ x: Tensor, _ bias: Tensor?) -> Tensor { matrix.linearGELU(x, bias) }

  private var matrix: QuantizedMatrix {
    do {
      return try make()
    } catch {
      ResourceRegion.record(error)
      return QuantizedMatrix(.empty(shape))
    }
  }
}
