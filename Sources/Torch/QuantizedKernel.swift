/// An affine map between numbers and 8 bits: x ≈ scale · (q − zeroPoint), q in 0...255.
public struct QuantizationRange: Hashable, Sendable {
  public let scale: Double
  public let zeroPoint: Int

  /// The map that covers `minimum`...`maximum` and represents 0 exactly, as padding needs.
  public init(minimum: Double, maximum: Double) {
    let (low, high) = (Swift.min(minimum, 0), Swift.max(maximum, 0))
    scale = Swift.max(high - low, 1e-12) / 255
    zeroPoint = Int((-low / scale).rounded())
  }

  public static func symmetric(_ largest: Double) -> QuantizationRange {
    QuantizationRange(minimum: -largest, maximum: largest)
  }
}

extension Tensor {
  /// This tensor in 8 bits, `uint8`.
  public func quantized(_ range: QuantizationRange) -> Tensor {
    quantized(scale: range.scale, zeroPoint: range.zeroPoint)
  }
}

/// A convolution's kernel in 8 bits (7 where the processor needs that) with a scale per output
/// channel, packed for the processor, and the range of its inputs: products of 8-bit numbers summed
/// in 32 bits (oneDNN). Inference on the CPU only.
public struct QuantizedKernel: ConvolutionKernel, Sendable {
  /// The range of the inputs; inputs outside of it are clipped.
  public let input: QuantizationRange
  /// Element type of the outputs, float32 or bfloat16.
  public let output: DType
  public var inputRange: QuantizationRange? { input }
  private let packed, scales, zeroPoints: Tensor

  /// - Parameter kernel: `[O, I, k, k]`, packed for convolutions that keep the size; others may use
  ///   it too.
  public init(_ kernel: Tensor, input: QuantizationRange, output: DType = .float32) {
    let outputs = kernel.size(0)
    let weight = kernel.detached().to(.float32)
    let largest = weight.reshaped(outputs, -1).abs().max([1])
    // 2 · 255 · 64 fits into 16 bits.
    let steps = Processor.current.sumsProductsIn32Bits ? 127.0 : 64
    scales = largest.clamped(min: 1e-12) / steps
    let rounded = (weight / scales.reshaped(outputs, 1, 1, 1)).rounded()
      .clamped(min: -steps, max: steps)
    zeroPoints = .zeros([outputs], .int64)
    self.input = input
    self.output = output
    let padding = kernel.size(2) / 2
    packed = aten(
      .qconvPrepack, rounded.to(.int8), scales, input.scale, input.zeroPoint, [1, 1],
      [padding, padding], [1, 1], 1, [1, kernel.size(1), 64, 64])
  }

  /// 2-D convolution: x `[B, I, H, W]`, in 8 bits of `input` or to be made so → `[B, O, H', W']` of
  /// type `output`, channels-last.
  public func conv2d(_ x: Tensor, _ bias: Tensor?, stride: Int, padding: Int) -> Tensor {
    let x = x.dtype == .uint8 ? x : x.quantized(input)
    return aten(
      .qconv2dPointwise, x.channelsLast(), input.scale, input.zeroPoint, packed, scales,
      zeroPoints, bias, [stride, stride], [padding, padding], [1, 1], 1, 1.0, 0, output, "none",
      [Double](), "")
  }
}
