import Testing

@testable import Torch

@Suite struct QuantizationTests {
  private let random = RandomGenerator(seed: 3)

  /// max |a − b| over the largest |b|.
  private func error(_ a: Tensor, _ b: Tensor) -> Double {
    (a.to(.float32) - b.to(.float32)).abs().max().item / b.abs().max().item
  }

  @Test func rangesHoldZeroExactly() {
    for (low, high) in [(-0.28, 6.8), (0.5, 3), (-4, -1), (-1, 1), (0, 0)] {
      let range = QuantizationRange(minimum: low, maximum: high)
      #expect((0...255).contains(range.zeroPoint) && range.scale > 0)
      let x = Tensor([0, Float(low), Float(high)])
      let q: [Int64] = x.quantized(range).values()
      #expect(q[0] == Int64(range.zeroPoint))
      for (value, original) in zip(q, [0, low, high]) {
        let back = range.scale * Double(value - Int64(range.zeroPoint))
        #expect(abs(back - original) <= 0.51 * range.scale + 1e-9)
      }
    }
  }

  /// The largest inputs and weights everywhere: sums of pairs must not saturate.
  @Test func sumsDoNotSaturate() {
    let (picture, kernel) = (Tensor.full([1, 64, 6, 6], 4), Tensor.full([16, 64, 3, 3], 0.5))
    let convolution = QuantizedKernel(kernel, input: .symmetric(4))
    #expect(
      error(
        convolution.conv2d(picture, nil, stride: 1, padding: 1), picture.conv2d(kernel, padding: 1))
        < 0.01)
  }

  @Test(arguments: [(1, 1), (3, 1), (3, 2)])
  func kernelsAreNearTheirFloatingPointOnes(_ side: Int, _ stride: Int) {
    let x = Tensor.randn([2, 16, 11, 14], using: random)
    let w = Tensor.randn([24, 16, side, side], using: random)
    let bias = Tensor.randn([24], using: random)
    let quantized = QuantizedKernel(w, input: .symmetric(4))
    let result = quantized.conv2d(x, bias, stride: stride, padding: side / 2)
    #expect(error(result, x.conv2d(w, bias, stride: stride, padding: side / 2)) < 0.02)
    // Padding is an exact zero: a constant zero picture gives the bias.
    let empty = quantized.conv2d(.zeros([1, 16, 5, 5]), bias, stride: 1, padding: side / 2)
    #expect(empty.selected(2, 0).selected(2, 0).flattened().floats == bias.floats)
  }

  @Test(arguments: [DType.float32, .bfloat16].filter(PackedMatrix.isAvailable))
  func packedMatricesMultiplyAlike(_ dtype: DType) {
    let (x, w) = (
      Tensor.randn([3, 50, 64], using: random), Tensor.randn([40, 64], using: random).to(dtype)
    )
    let bias = Tensor.randn([40], using: random)
    let expected = x.to(dtype).linear(w, bias.to(dtype))
    let result = PackedMatrix(w).linear(x, bias)
    #expect(result.dtype == dtype && error(result, expected) < (dtype == .float32 ? 1e-5 : 0.01))
    let alone = PackedMatrix(w).linear(x.narrowed(0, from: 1, count: 1), bias)
    #expect(alone.floats == result.narrowed(0, from: 1, count: 1).floats)
  }

  /// In every precision, also of one row and of as many as several tiles of a picture have.
  @Test(
    .enabled(if: PackedKernel.isAvailable, "oneDNN's products are another matter"),
    arguments: [DType.float32, .bfloat16], [(192, 576), (768, 192), (64, 33), (2100, 20)])
  func aRowsProductDoesNotDependOnOtherRows(_ dtype: DType, _ size: (Int, Int)) {
    let (inputs, outputs) = size
    let x = Tensor.randn([1733, inputs], using: random).to(dtype)
    let w = Tensor.randn([outputs, inputs], using: random).to(dtype)
    for kind in KernelKind.runnable {
      kind {
        let packed = PackedMatrix(w)
        let quantized = QuantizedMatrix(w, output: dtype)
        for product in [{ packed.linear($0, nil) }, { quantized.linear($0, nil) }]
          as [(Tensor) -> Tensor]
        {
          let all = product(x)
          for range in [0..<1, 1..<3, 16..<52, 430..<431, 1700..<1733, 1..<1300] {
            func part(_ y: Tensor) -> Tensor {
              y.narrowed(0, from: range.lowerBound, count: range.count)
            }
            #expect(product(part(x)).floats == part(all).floats, "\(kind), \(range)")
          }
        }
      }
    }
  }
}
