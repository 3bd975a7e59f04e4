import Foundation
import Testing

@testable import Torch

/// 3x3 convolutions by Winograd's filtering, and group normalisation; their agreement with
/// libtorch's at many sizes is among the `FusedCase`s.
extension FusedOperationTests {
  /// Relative to the outputs' size, against float64.
  @Test(arguments: [16, 64, 128])
  func convolutionsAreExactToSomeUnitsInTheLastPlace(_ channels: Int) {
    let random = RandomGenerator(seed: 21)
    let x = Tensor.randn([1, channels, 16, 20], using: random)
    let weight = Tensor.randn([channels, channels, 3, 3], using: random)
    let bias = Tensor.randn([channels], using: random)
    let exact = PackedKernel.conv2dReference(
      x.to(.float64), weight.to(.float64), bias.to(.float64))
    let error = PackedKernel(weight).conv2d(x, bias).to(.float64) - exact
    let size = exact.square().mean().item.squareRoot()
    #expect(error.square().mean().item.squareRoot() < 1.5e-6 * size)
    #expect(error.abs().max().item < 1.5e-5 * size)
  }

  /// A kernel of one weight shifts the picture: what lies outside is zero.
  @Test func kernelsLieWhereConvolutionsHaveThem() {
    let x = (Tensor.range(7 * 9, .float32) + 1).reshaped(1, 1, 7, 9)
    for dy in 0..<3 {
      for dx in 0..<3 {
        var values = [Float](repeating: 0, count: 9)
        values[3 * dy + dx] = 1
        let y = PackedKernel(Tensor(values).reshaped(1, 1, 3, 3)).conv2d(x, nil)
        let padded = x.padded([1, 1, 1, 1])
        let expected = padded.narrowed(2, from: dy, count: 7).narrowed(3, from: dx, count: 9)
        expectClose(y, expected.contiguous(), "shift \(dy), \(dx)")
      }
    }
  }

  @Test func convolutionOfASampleDoesNotDependOnTheBatch() {
    let random = RandomGenerator(seed: 22)
    let x = Tensor.randn([7, 24, 11, 14], using: random)
    let residual = Tensor.randn([7, 32, 11, 14], using: random)
    let packed = PackedKernel(.randn([32, 24, 3, 3], using: random))
    let (weight, bias) = (Tensor.randn([24], using: random), Tensor.randn([24], using: random))
    let together = packed.conv2d(x, nil, .init(residual: residual))
    let normalized = x.groupNorm(4, weight, bias, silu: true)
    for range in [0..<1, 1..<3, 4..<7] {
      func part(_ x: Tensor) -> Tensor {
        x.narrowed(0, from: range.lowerBound, count: range.count)
      }
      let alone = packed.conv2d(part(x), nil, .init(residual: part(residual)))
      #expect(alone.floats == part(together).floats)
      #expect(part(x).groupNorm(4, weight, bias, silu: true).floats == part(normalized).floats)
    }
  }

  @Test func layersUsePackedKernelsWhereTheyPay() throws {
    let random = RandomGenerator(seed: 23)
    let store = ParameterStore(seed: 1)
    let layer = try Conv2d(16, 24, store.root / "layer")
    let activation = try PReLU(24, store.root / "activation")
    let x = Tensor.randn([2, 16, 24, 20], using: random)
    let residual = Tensor.randn([2, 24, 24, 20], using: random)
    func results() -> [Tensor] {
      [layer(x), layer(x, then: activation), layer(x, plus: residual), layer(enlarged: x)]
    }
    let plain = results()
    #expect(PackedKernel.suits(layer.weight.value.shape))
    layer.weight.convolutionKernel = PackedKernel(layer.weight.value)
    let packed = results()
    for (a, b) in zip(packed, plain) {
      expectClose(a, b, "layer")
      #expect(a.floats != b.floats)
    }
    let made = PackedKernel(layer.weight.value, isKept: false)
    #expect(made.conv2d(x, nil).floats == PackedKernel(layer.weight.value).conv2d(x, nil).floats)
    // Plainly: small pictures, thin ones, other types, gradients.
    let kernel = PackedKernel(layer.weight.value)
    #expect(kernel.accepts(x) && !kernel.accepts(.zeros([1, 16, 8, 8])))
    #expect(kernel.accepts(.zeros([1, 16, 6, 6]), .init(isEnlarged: true)))
    #expect(!kernel.accepts(.zeros([1, 16, 1, 400])) && !kernel.accepts(x.to(.float64)))
    #expect(!kernel.accepts(x, .init(residual: residual.to(.bfloat16))))
    #expect(layer(.zeros([1, 16, 3, 3])).shape == [1, 24, 3, 3])
    withAutocast(.bfloat16, on: .cpu) { #expect(layer(x).dtype == .bfloat16) }
    x.requiresGradient = true
    #expect(!kernel.accepts(x))
    #expect(try gradients(of: [layer(x).sum()], with: [x])[0] != nil)
    #expect(!PackedKernel.suits([64, 64, 1, 1]) && !PackedKernel.suits([64, 3, 3, 3]))
    #expect(!PackedKernel.suits([64, 64]))
  }

  @Test func convolutionsHandOnNaNs() {
    let x = Tensor.ones([1, 1, 16, 16])
    x.narrowed(2, from: 0, count: 1).narrowed(3, from: 0, count: 1).copyInPlace(Tensor([Float.nan]))
    let y = PackedKernel(.ones([1, 1, 3, 3])).conv2d(x, nil, .init(slope: .ones([1])))
    // The tile of the NaN and no other.
    let isNaN = y.isFinite().to(.float32).floats.map { $0 == 0 }
    #expect(isNaN[0] && !isNaN[5] && !isNaN[16 * 5])
    #expect(Tensor.ones([0, 16, 8, 8]).groupNorm(4, .ones([16]), .zeros([16])).shape[0] == 0)
    #expect(PackedKernel(.ones([2, 1, 3, 3])).conv2d(.ones([0, 1, 4, 4]), nil).count == 0)
  }

  /// A mean that is large beside the deviation does not hide it.
  @Test func groupNormOfAlmostConstantPictures() {
    let random = RandomGenerator(seed: 24)
    let x = Tensor.randn([1, 32, 40, 30], using: random) + 300
    let (weight, bias) = (Tensor.ones([32]), Tensor.zeros([32]))
    let exact = x.to(.float64).groupNormReference(
      8, weight.to(.float64), bias.to(.float64), epsilon: 1e-6, silu: false)
    expectClose(
      x.groupNorm(8, weight, bias), exact.to(.float32), "group norm", tolerance: 2e-5)
    // Exactly the bias where a group does not vary, where libtorch's rounds visibly.
    for x in [Tensor.full([1, 8, 5, 5], 3), .randn([1, 8, 1, 1], using: random)] {
      #expect((x.groupNorm(8, .ones([8]), .ones([8])) - 1).abs().max().item == 0)
    }
  }

  @Test func convolutionsRefuseWrongShapes() {
    let kernel = aten(.packedKernel3x3, Tensor.ones([4, 2, 3, 3]))
    let x = Tensor.ones([1, 2, 8, 8])
    for arguments: [any OperatorArgument] in [
      [Tensor.ones([1, 3, 8, 8]), kernel, 4], [x, kernel, 100], [x, kernel, 0],
      [x, kernel, 4, Tensor.ones([3])], [x, kernel, 4, Tensor?.none, Tensor.ones([3])],
      [x, kernel, 4, Tensor?.none, Tensor?.none, Tensor.ones([1, 4, 8, 9])],
      [x.to(.float64), kernel, 4],
    ] {
      #expect(throws: TorchError.self) { try Operator.conv3x3.call(arguments) }
    }
    #expect(throws: TorchError.self) {
      try Operator.packedKernel3x3.call([Tensor.ones([4, 2, 5, 5])])
    }
    #expect(throws: TorchError.self) {
      try Operator.fusedGroupNorm.call([x, 3, Tensor.ones([2]), Tensor.ones([2]), 1e-6, true])
    }
  }

  /// The number of threads is the whole process's, which other tests share.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["NSARM_SLOW_TESTS"] != nil,
      "NSARM_SLOW_TESTS is not set"))
  func convolutionsDoNotDependOnThreads() {
    let threads = TorchRuntime.threadCount
    defer { TorchRuntime.threadCount = threads }
    for `case` in FusedCase.largeConvolutions + FusedCase.largeDenseBlocks
      + FusedCase.largeGroupNorms
    {
      let inputs = `case`.inputs(RandomGenerator(seed: 25))
      let results = [1, 2, 3, 7].map { count in
        TorchRuntime.threadCount = count
        return `case`.fused(inputs)[0].floats
      }
      #expect(results.allSatisfy { $0 == results[0] }, "\(`case`)")
    }
  }
}
