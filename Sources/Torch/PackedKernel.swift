/// A 3x3 kernel, transformed for Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, 2016):
/// a quarter of the multiplications, in float32 on the CPU, for stride 1 and padding 1. Inference
/// only. It takes four times the memory of the plain kernel.
///
/// In bfloat16 it is a kernel of dense blocks only (`DenseWorkspace`), in the layout of the
/// processor's products, without a transform, whose rounding would show in so few bits.
///
/// A sample's result depends neither on the others of its batch nor on the number of threads.
public struct PackedKernel: ConvolutionKernel, Sendable {
  /// Whether this processor gains: with registers of 256 bits or more and fused multiplications.
  public static var isAvailable: Bool {
    Processor.current.features.isSuperset(of: ["avx2", "fma"])
  }

  /// Whether this thread's kernels multiply bfloat16.
  static var multipliesBFloat16: Bool {
    KernelKind.current.rawValue >= KernelKind.avx512BFloat16.rawValue
  }

  /// Whether kernels of dense blocks can be packed in this type, and gain by it.
  public static func isAvailable(inDenseBlocksOf type: DType) -> Bool {
    switch type {
    case .float32: isAvailable
    case .bfloat16: multipliesBFloat16
    default: false
    }
  }

  /// Whether a kernel of this shape is 3x3 with enough channels to pay for the transforms.
  public static func suits(_ shape: [Int]) -> Bool {
    shape.count == 4 && shape[2...] == [3, 3] && min(shape[0], shape[1]) >= leastChannels
  }

  private static let leastChannels = 16

  /// The element type of the pictures that it is for.
  let dtype: DType
  private let kernel: Tensor
  private let kept: Tensor?
  private var outputs: Int { kernel.size(0) }
  /// The shape of the plain kernel.
  var shape: [Int] { kernel.shape }

  /// - Parameters:
  ///   - kernel: `[O, I, 3, 3]` on the CPU.
  ///   - dtype: float32, or bfloat16 with multiples of 32 channels.
  ///   - isKept: whether the packed form is kept, rather than made for every use.
  public init(_ kernel: Tensor, _ dtype: DType = .float32, isKept: Bool = true) {
    self.dtype = dtype
    self.kernel = kernel.detached()
    kept = isKept ? Self.packed(self.kernel, dtype) : nil
  }

  private static func packed(_ kernel: Tensor, _ dtype: DType) -> Tensor {
    dtype == .bfloat16
      ? aten(.packDenseKernel, kernel.to(.bfloat16))
      : aten(.packedKernel3x3, kernel.to(.float32))
  }

  /// The packed form, as operators take it.
  var packed: Tensor { kept ?? Self.packed(kernel, dtype) }

  /// Whether x `[B, I, H, W]` is computed faster so than plainly, by the size of a sample.
  func accepts(_ x: Tensor, _ fusion: ConvolutionFusion = .init()) -> Bool {
    let operands = [x, fusion.slope, fusion.residual].compactMap(\.self)
    guard x.rank == 4, dtype == .float32, autocastType(on: .cpu) == .float32,
      operands.allSatisfy({
        $0.dtype == .float32 && $0.device == .cpu && !$0.requiresGradient
      })
    else { return false }
    let factor = fusion.isEnlarged ? 2 : 1
    let (height, width) = (factor * x.size(2), factor * x.size(3))
    let tiles = ((height + 3) / 4) * ((width + 3) / 4)
    // Fewer do not pay for reading the packed kernel, and tiles that reach far beyond the picture
    // save no multiplications.
    return tiles >= 9 && height * width >= 8 * tiles
  }

  /// The fused convolution: `[B, I, H, W]` → `[B, O, H', W']`, channels-last.
  func conv2d(_ x: Tensor, _ bias: Tensor?, _ fusion: ConvolutionFusion = .init()) -> Tensor {
    aten(
      .conv3x3, x, packed, outputs, bias, fusion.slope, fusion.residual, fusion.isEnlarged)
  }

  public func conv2d(_ x: Tensor, _ bias: Tensor?, stride: Int, padding: Int) -> Tensor {
    conv2d(x, bias, stride: stride, padding: padding, fusion: .init())
      ?? x.conv2d(kernel.to(x.dtype), bias, stride: stride, padding: padding)
  }

  public func conv2d(
    _ x: Tensor, _ bias: Tensor?, stride: Int, padding: Int, fusion: ConvolutionFusion
  ) -> Tensor? {
    guard stride == 1, padding == 1, accepts(x, fusion) else { return nil }
    return conv2d(x, bias, fusion)
  }

  static func conv2dReference(
    _ x: Tensor, _ kernel: Tensor, _ bias: Tensor?, _ fusion: ConvolutionFusion = .init()
  ) -> Tensor {
    let enlarged =
      fusion.isEnlarged ? x.resized(2 * x.size(2), 2 * x.size(3), .nearest) : x
    var y = enlarged.conv2d(kernel, bias, padding: 1)
    if let slope = fusion.slope { y = aten(.prelu, y, slope.to(y.dtype)) }
    return fusion.residual.map { y + $0 } ?? y
  }
}
