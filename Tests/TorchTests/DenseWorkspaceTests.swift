import Testing

@testable import Torch

/// Dense blocks in memory that they share; their agreement with libtorch's operators at many sizes
/// is among the `FusedCase`s.
@Suite struct DenseWorkspaceTests {
  private let random = RandomGenerator(seed: 41)
  private static let types: [DType] =
    PackedKernel.multipliesBFloat16 ? [.float32, .bfloat16] : [.float32]

  private func convolutions(
    _ channels: Int, growth: Int, blocks: Int, _ type: DType?
  ) throws -> [Conv2d] {
    let store = ParameterStore(seed: 5)
    return try (0..<(15 * blocks)).map { index in
      let place = index % 5
      let layer = try Conv2d(
        channels + place * growth, place == 4 ? channels : growth, biasDeviation: 0.1,
        store.root / "conv\(index)")
      if let type {
        layer.weight.convolutionKernel = PackedKernel(layer.weight.value, type)
      }
      return layer
    }
  }

  @Test(arguments: types)
  func blocksInARowAgreeWithTheReference(_ type: DType) throws {
    guard PackedKernel.isAvailable else { return }
    let layers = try convolutions(64, growth: 32, blocks: 2, type)
    let x = Tensor.randn([2, 64, 11, 18], using: random).to(type)
    #expect(DenseWorkspace.accepts(x, layers))
    let workspace = DenseWorkspace(x, growth: 32)
    var expected = x.to(.float64)
    for block in 0..<2 {
      let part = Array(layers[(15 * block)..<(15 * block + 15)])
      workspace.residualInResidual(part)
      expected = DenseWorkspace.reference(
        expected, part.map { $0.weight.value.to(type) }, part.map { $0.bias!.value })
      expectClose(workspace.result, expected.to(type), "\(type), block \(block)")
    }
    // Of one sample alone: the same bits.
    let alone = DenseWorkspace(x.narrowed(0, from: 1, count: 1), growth: 32)
    for block in 0..<2 {
      alone.residualInResidual(Array(layers[(15 * block)..<(15 * block + 15)]))
    }
    #expect(alone.result.floats == workspace.result.narrowed(0, from: 1, count: 1).floats)
  }

  /// The stream keeps what blocks add, which rounding to bfloat16 after each of them would lose.
  @Test func streamOfBFloat16StaysNearFloat32() throws {
    guard PackedKernel.multipliesBFloat16 else { return }
    let layers = try convolutions(64, growth: 32, blocks: 1, .bfloat16)
    let x = Tensor.randn([1, 64, 9, 14], using: random).to(.bfloat16)
    let workspace = DenseWorkspace(x, growth: 32)
    var expected = x.to(.float64)
    for _ in 0..<6 {
      workspace.residualInResidual(layers)
      expected = DenseWorkspace.reference(
        expected, layers.map { $0.weight.value.to(.bfloat16) }, layers.map { $0.bias!.value })
    }
    let error = workspace.result.to(.float64) - expected
    let relative = (error.square().mean().item / expected.square().mean().item).squareRoot()
    // What rounding the result alone makes is 1.7e-3.
    #expect(relative < 2.2e-3, "\(relative)")
  }

  @Test func acceptsWhatItCanCompute() throws {
    guard PackedKernel.isAvailable else { return }
    let layers = try convolutions(64, growth: 32, blocks: 1, .float32)
    let x = Tensor.zeros([1, 64, 4, 5])
    #expect(DenseWorkspace.accepts(x, layers) && DenseWorkspace.accepts(x, layers + layers))
    #expect(!DenseWorkspace.accepts(x, Array(layers.dropLast())))
    #expect(!DenseWorkspace.accepts(x, layers.reversed()) && !DenseWorkspace.accepts(x, []))
    #expect(!DenseWorkspace.accepts(x.to(.bfloat16), layers))
    #expect(!DenseWorkspace.accepts(x.to(.float64), layers))
    #expect(!DenseWorkspace.accepts(.zeros([1, 32, 4, 5]), layers))
    let plain = try convolutions(64, growth: 32, blocks: 1, nil)
    #expect(!DenseWorkspace.accepts(x, plain))
    withAutocast(.bfloat16, on: .cpu) { #expect(!DenseWorkspace.accepts(x, layers)) }
    x.requiresGradient = true
    #expect(!DenseWorkspace.accepts(x, layers))
  }

  /// Kernels packed in bfloat16 for dense blocks are computed plainly elsewhere.
  @Test func kernelsOfDenseBlocksServeOtherConvolutions() throws {
    guard PackedKernel.multipliesBFloat16 else { return }
    let layer = try convolutions(64, growth: 32, blocks: 1, .bfloat16)[0]
    let x = Tensor.randn([1, 64, 16, 16], using: random)
    let expected = x.conv2d(layer.weight.value, layer.bias!.value, padding: 1)
    expectClose(layer(x), expected, "plain")
    expectClose(layer(x, leaky: 0.2), expected.leakyRelu(0.2), "leaky")
  }

  @Test func leakyActivationsAreFused() throws {
    let store = ParameterStore(seed: 6)
    let layer = try Conv2d(16, 24, biasDeviation: 0.3, store.root / "layer")
    let x = Tensor.randn([2, 16, 24, 20], using: random)
    let plain = [layer(x, leaky: 0.2), layer(enlarged: x, leaky: 0.1)]
    expectClose(plain[0], layer(x).leakyRelu(0.2), "leaky")
    expectClose(plain[1], layer(enlarged: x).leakyRelu(0.1), "enlarged, leaky")
    layer.weight.convolutionKernel = PackedKernel(layer.weight.value)
    for (a, b) in zip([layer(x, leaky: 0.2), layer(enlarged: x, leaky: 0.1)], plain) {
      expectClose(a, b, "packed")
      #expect(a.floats != b.floats)
    }
  }

  @Test func refusesWrongShapes() {
    let x = Tensor.zeros([1, 4, 5, 12])
    let (kernels, biases) = (
      (0..<15).map { index in
        PackedKernel(.zeros([index % 5 == 4 ? 12 : 5, 12 + index % 5 * 5, 3, 3])).packed
      }, (0..<15).map { Tensor.zeros([$0 % 5 == 4 ? 12 : 5]) }
    )
    let memory = [Tensor.zeros([1, 4, 5, 12]), .zeros([1, 4, 5, 12]), .zeros([1, 4, 5, 20])]
    func attempt(_ x: Tensor, _ memory: [Tensor], _ kernels: [Tensor], _ biases: [Tensor]) throws {
      _ = try Operator.residualInResidual.call([x, memory, kernels, biases, 0.2, 0.2])
    }
    #expect(throws: Never.self) { try attempt(x, memory, kernels, biases) }
    #expect(throws: TorchError.self) { try attempt(x.to(.float64), memory, kernels, biases) }
    #expect(throws: TorchError.self) { try attempt(x.to(.bfloat16), memory, kernels, biases) }
    #expect(throws: TorchError.self) { try attempt(x, memory.reversed(), kernels, biases) }
    #expect(throws: TorchError.self) { try attempt(x, memory, kernels.reversed(), biases) }
    #expect(throws: TorchError.self) { try attempt(x, memory, kernels, biases.reversed()) }
    #expect(throws: TorchError.self) { try attempt(x, memory, kernels, biases.dropLast()) }
    #expect(throws: TorchError.self) {
      try attempt(.zeros([1, 4, 6, 12]), memory, kernels, biases)
    }
    // Pictures of bfloat16 need pixels behind them.
    let narrow = memory.map { $0.to(.bfloat16) } + [.zeros([1, 2, 3, 12]), .zeros([1, 2, 3, 12])]
    #expect(throws: TorchError.self) { try attempt(x.to(.bfloat16), narrow, kernels, biases) }
    for weight in [Tensor.zeros([32, 32, 3, 3]), Tensor.zeros([20, 32, 3, 3]).to(.bfloat16)] {
      #expect(throws: TorchError.self) {
        try Operator.packDenseKernel.call([weight])
      }
    }
  }
}
