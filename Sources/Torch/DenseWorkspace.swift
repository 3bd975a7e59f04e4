/// Memory that the residual-in-residual dense blocks of a network (Wang et al., 2018) share, so
/// that their convolutions read and write channels in place: nothing is copied or allocated from
/// block to block. Inference on the CPU, in float32 or bfloat16.
///
/// A dense block has five 3x3 convolutions, each of the channels of x and of what the ones before
/// it gave: four to G channels with a leaky activation, and one back to C without; y = x + 0.2 ·
/// the last one's result. Three of them in a row, d, make y = x + 0.2 · d(x).
///
/// In bfloat16 the stream that blocks add to stays in float32 beside what convolutions read, since
/// it would lose to rounding what a block adds.
///
/// A sample's result depends neither on the others of its batch nor on the number of threads.
public struct DenseWorkspace {
  /// Convolutions of a residual-in-residual block.
  public static let convolutionsPerBlock = 15
  /// The slope of the leaky activations for negative inputs.
  public static let slope = 0.2
  /// The factor of a block's result, which is added to its input.
  public static let scale = 0.2

  /// The number of pixels behind the pictures that a step in bfloat16 may write to.
  private static let spare = 32

  /// [B, H, W, C] in float32; in bfloat16 with a border of one pixel, zero.
  private let x: Tensor
  private let hasBorder: Bool
  /// Two more like x, the channels of dense blocks, and the streams in float32 beside bfloat16.
  private let memory: [Tensor]

  /// Whether blocks of these convolutions take x: inference on the CPU with packed kernels of x's
  /// type, 15 convolutions for each block.
  public static func accepts(_ x: Tensor, _ convolutions: [Conv2d]) -> Bool {
    guard x.rank == 4, x.device == .cpu, !x.requiresGradient,
      x.dtype == .bfloat16 || (x.dtype == .float32 && autocastType(on: .cpu) == .float32),
      PackedKernel.isAvailable(inDenseBlocksOf: x.dtype), let first = convolutions.first,
      convolutions.count % convolutionsPerBlock == 0
    else { return false }
    let (channels, growth) = (x.size(1), first.weight.value.size(0))
    return convolutions.enumerated().allSatisfy { index, convolution in
      guard let kernel = convolution.weight.convolutionKernel as? PackedKernel else { return false }
      let place = index % 5
      return kernel.dtype == x.dtype && convolution.stride == 1 && convolution.padding == 1
        && convolution.bias != nil
        && kernel.shape
          == [place == 4 ? channels : growth, channels + place * growth, 3, 3]
    }
  }

  /// - Parameters:
  ///   - x: `[B, C, H, W]`, float32 or bfloat16, which is copied.
  ///   - growth: G.
  public init(_ x: Tensor, growth: Int) {
    let (batch, channels, height, width) = (x.size(0), x.size(1), x.size(2), x.size(3))
    let pixels = x.permuted(0, 2, 3, 1)
    hasBorder = x.dtype == .bfloat16
    guard hasBorder else {
      func picture(_ channels: Int) -> Tensor { .empty([batch, height, width, channels]) }
      self.x = picture(channels)
      self.x.copyInPlace(pixels)
      memory = [picture(channels), picture(channels), picture(4 * growth)]
      return
    }
    func picture(_ channels: Int) -> Tensor {
      let shape = [batch, height + 2, width + 2, channels]
      let count = shape.reduce(1, *)
      return Tensor.zeros([count + Self.spare * channels], .bfloat16)
        .narrowed(0, from: 0, count: count).reshaped(shape)
    }
    self.x = picture(channels)
    Self.inside(self.x).copyInPlace(pixels)
    let stream = pixels.to(.float32).contiguous()
    memory = [
      picture(channels), picture(channels), picture(4 * growth), stream, .empty(like: stream),
    ]
  }

  private static func inside(_ picture: Tensor) -> Tensor {
    picture.narrowed(1, from: 1, count: picture.size(1) - 2)
      .narrowed(2, from: 1, count: picture.size(2) - 2)
  }

  /// Applies one residual-in-residual block, of 15 convolutions with packed kernels.
  public func residualInResidual(_ convolutions: [Conv2d]) {
    residualInResidual(
      convolutions.map { convolution in
        guard let kernel = convolution.weight.convolutionKernel as? PackedKernel else {
          preconditionFailure("dense blocks take packed kernels")
        }
        return kernel
      }, convolutions.map { $0.bias!.value })
  }

  func residualInResidual(_ kernels: [PackedKernel], _ biases: [Tensor]) {
    aten(
      .residualInResidual, x, memory, kernels.map(\.packed),
      biases.map { $0.to(.float32) }, Self.slope, Self.scale)
  }

  /// The result of the blocks so far, `[B, C, H, W]` of x's type, channels-last. The next block may
  /// change it.
  public var result: Tensor {
    (hasBorder ? Self.inside(x) : x).permuted(0, 3, 1, 2)
  }

  /// One block of libtorch's operators, in x's type.
  static func reference(_ x: Tensor, _ kernels: [Tensor], _ biases: [Tensor]) -> Tensor {
    var stream = x
    for block in 0..<3 {
      var channels = [stream]
      for index in (5 * block)..<(5 * block + 5) {
        let y = Tensor.concatenated(channels, 1)
          .conv2d(kernels[index].to(x.dtype), biases[index].to(x.dtype), padding: 1)
        if channels.count == 5 {
          stream = stream + y * scale
        } else {
          channels.append(y.leakyRelu(slope))
        }
      }
    }
    return x + stream * scale
  }
}
