/// Residual-in-residual dense blocks in the types that this thread's kernels take.
extension FusedCase {
  /// Odd sizes among them: of pictures, and in float32 channels that fill no register.
  static var smallDenseBlocks: [FusedCase] {
    let wide = [(1, 1, 1), (1, 5, 7), (2, 33, 20)].flatMap { (b, h, w) in
      denseTypes.map { dense((b, 64, h, w), growth: 32, $0) }
    }
    return wide + [dense((2, 12, 6, 9), growth: 5, .float32)]
  }

  /// Sizes of the decoder of published models.
  static let largeDenseBlocks = denseTypes.map { dense((1, 64, 128, 128), growth: 32, $0) }

  private static var denseTypes: [DType] {
    PackedKernel.multipliesBFloat16 ? [.float32, .bfloat16] : [.float32]
  }

  private static func dense(
    _ shape: (b: Int, c: Int, h: Int, w: Int), growth: Int, _ type: DType
  ) -> FusedCase {
    let (b, c, h, w) = shape
    let random = RandomGenerator(seed: 8)
    let kernels = (0..<DenseWorkspace.convolutionsPerBlock).map { index in
      let inputs = c + index % 5 * growth
      let kernel = Tensor.randn([index % 5 == 4 ? c : growth, inputs, 3, 3], using: random)
      return (kernel * (1 / Double(9 * inputs).squareRoot())).to(type)
    }
    let biases = kernels.map { Tensor.randn([$0.size(0)], using: random) * 0.1 }
    let packed = kernels.map { PackedKernel($0, type) }
    return FusedCase(
      description: "residualInResidual \([b, c, h, w]), growth \(growth) \(type)", result: type,
      hasDerivatives: false,
      inputs: { [Tensor.randn([b, c, h, w], using: $0).to(type).channelsLast()] },
      fused: {
        let workspace = DenseWorkspace($0[0], growth: growth)
        workspace.residualInResidual(packed, biases)
        return [workspace.result]
      },
      composed: { [DenseWorkspace.reference($0[0], kernels, biases)] })
  }
}
