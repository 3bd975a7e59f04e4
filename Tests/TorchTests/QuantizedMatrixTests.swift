import Testing

@testable import Torch

@Suite struct QuantizedMatrixTests {
  private let random = RandomGenerator(seed: 3)

  /// ‖a − b‖₂ over ‖b‖₂.
  private func error(_ a: Tensor, _ b: Tensor) -> Double {
    let (a, b) = (a.to(.float64), b.to(.float64))
    return ((a - b).square().sum().item / b.square().sum().item).squareRoot()
  }

  /// Sizes around the blocks that the processor's kernels work in.
  private static let sizes = [
    (1, 1, 1), (1, 8, 16), (3, 5, 7), (4, 16, 64), (7, 9, 65), (37, 100, 50), (65, 333, 129),
    (400, 40, 17), (2, 2100, 3), (33, 4099, 20),
  ]

  @Test(arguments: sizes, [DType.float32, .bfloat16])
  func productsAreThoseOfTheReference(_ size: (Int, Int, Int), _ type: DType) {
    let (rows, inputs, outputs) = size
    let x = (Tensor.randn([rows, inputs], using: random) * 3).to(type)
    let w = Tensor.randn([outputs, inputs], using: random)
    let bias = Tensor.randn([outputs], using: random)
    for bias in [bias, nil] {
      let found = QuantizedMatrix(w, output: type).linear(x, bias)
      #expect(found.dtype == type && found.shape == [rows, outputs])
      let expected = QuantizedMatrix.reference(x, w, bias)
      // A number half-way between two levels may be rounded either way.
      #expect(error(found, expected) < (type == .float32 ? 2e-3 : 6e-3), "\(size)")
    }
  }

  /// The error of 8 or 7 bits of both factors: normal numbers of n, with a largest of four
  /// deviations.
  @Test func productsAreNearThoseInFloatingPoint() {
    let (x, w) = (Tensor.randn([50, 512], using: random), Tensor.randn([70, 512], using: random))
    let limits = QuantizedMatrix.limits
    let bound = [limits.first / 2, limits.second].reduce(0.0) { $0 + 1.3 / Double($1) }
    #expect(error(QuantizedMatrix(w).linear(x, nil), x.linear(w)) < bound)
    #expect(
      error(QuantizedMatrix(w).linearGELU(x, nil), x.linear(w).gelu(approximate: true)) < bound)
  }

  /// The largest inputs and weights everywhere: sums of products must not saturate.
  @Test func sumsDoNotSaturate() {
    for (x, w) in [(4.0, 0.5), (-4, 0.5), (4, -0.5), (-4, -0.5)] {
      let found = QuantizedMatrix(.full([17, 600], w)).linear(.full([9, 600], x), nil)
      #expect(found.floats.allSatisfy { abs(Double($0) / (600 * x * w) - 1) < 1e-5 })
    }
  }

  @Test func aRowDependsOnNothingElse() {
    let (x, w) = (Tensor.randn([41, 72], using: random), Tensor.randn([30, 72], using: random))
    let matrix = QuantizedMatrix(w)
    let together = matrix.linear(x, nil)
    for row in [0, 5, 40] {
      let alone = matrix.linear(x.narrowed(0, from: row, count: 1), nil)
      #expect(alone.floats == together.narrowed(0, from: row, count: 1).floats)
    }
    #expect(matrix.linear(x.reshaped(1, 41, 72), nil).floats == together.floats)
    #expect(matrix.linear(x.narrowed(0, from: 0, count: 0), nil).shape == [0, 30])
  }

  @Test func storedFormsAreTakenAsTheyAre() {
    let q = (Tensor.rand([24, 64], using: random) * 254 - 127).rounded()
    let scales = Tensor.rand([24], using: random) + 0.5
    let x = Tensor.randn([11, 64], using: random)
    let eight = QuantizedMatrix(q.to(.int8), scales: scales)
    // With 7 bits many numbers lie half-way between two levels.
    #expect(
      error(eight.linear(x, nil), QuantizedMatrix(q * scales.unsqueezed(1)).linear(x, nil)) < 1e-2)

    let nibbles = (Tensor.rand([24, 64], using: random) * 14 - 7).rounded()
    let pairs = (nibbles + 8).reshaped(24, 32, 2)
    let stored = (pairs.selected(2, 0) + pairs.selected(2, 1) * 16).to(.uint8)
    let groups = (Tensor.rand([24, 4], using: random) + 0.5).to(.float16)
    let wide =
      (nibbles.reshaped(24, 4, 16) * groups.to(.float32).unsqueezed(2)).reshaped(24, 64)
    #expect(
      error(
        QuantizedMatrix(stored, scales: groups).linear(x, nil),
        QuantizedMatrix(wide).linear(x, nil)) < 1e-3)
  }

  @Test func zerosAndInfinities() {
    let w = Tensor.randn([5, 16], using: random)
    let bias = Tensor.randn([5], using: random)
    #expect(QuantizedMatrix(w).linear(.zeros([1, 16]), bias).floats == bias.floats)
    #expect(QuantizedMatrix(.zeros([5, 16])).linear(.ones([1, 16]), bias).floats == bias.floats)
    let tiny = QuantizedMatrix(w).linear(.full([1, 16], 1e-40), bias)
    #expect(tiny.floats == bias.floats)
    // A row that is not finite spoils its own result and no other.
    for wild in [Float.infinity, -.infinity, .nan] {
      let row = Tensor([wild] + [Float](repeating: 1, count: 15)).unsqueezed(0)
      let x = Tensor.concatenated([row, .ones([1, 16])], 0)
      let found = QuantizedMatrix(w).linear(x, nil).isFinite()
      #expect(found.selected(0, 0).to(.float32).max().item == 0 && found.selected(0, 1).allTrue)
    }
  }
}
