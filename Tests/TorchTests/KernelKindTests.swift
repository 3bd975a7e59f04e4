import Testing

@testable import Torch

/// Every set of kernels that this processor can run, whichever it would choose.
@Suite struct KernelKindTests {
  private let random = RandomGenerator(seed: 31)

  /// Those whose products are of numbers of 8 bits.
  private static let withVNNI = KernelKind.runnable.filter { $0.rawValue >= 2 }

  @Test func theNewestIsChosenAndRegionsNest() {
    let usual = KernelKind.current
    #expect(KernelKind.runnable.contains(usual) && KernelKind.runnable.contains(.baseline))
    KernelKind.baseline {
      #expect(KernelKind.current == .baseline)
      usual { #expect(KernelKind.current == usual) }
      #expect(KernelKind.current == .baseline)
    }
    #expect(KernelKind.current == usual)
  }

  @Test(arguments: KernelKind.runnable)
  func agreesWithTheCompositions(_ kind: KernelKind) {
    kind {
      for `case` in FusedCase.small {
        let inputs = `case`.inputs(random)
        let expected = `case`.composed(inputs).map { $0.to(`case`.result) }
        for (result, expected) in zip(`case`.fused(inputs), expected) {
          expectClose(result, expected, "\(kind): \(`case`)", tolerance: `case`.tolerance)
        }
      }
    }
  }

  /// Sizes around what tiles and registers hold, in blocks of several threads.
  @Test(arguments: KernelKind.runnable, [DType.float32, .bfloat16])
  func attentionAgreesWithItsComposition(_ kind: KernelKind, _ type: DType) {
    for (b, h, queries, keys, c) in [
      (1, 1, 15, 31, 31), (1, 2, 16, 32, 32), (2, 1, 17, 33, 34), (1, 1, 33, 65, 63),
      (2, 2, 48, 64, 64), (3, 4, 256, 341, 64), (1, 1, 70, 600, 130), (2, 16, 17, 1500, 36),
    ] {
      let q = Tensor.randn([b, h, queries, c], using: random).to(type)
      let (k, v) = (
        Tensor.randn([b, h, keys, c], using: random).to(type),
        Tensor.randn([b, h, keys, c], using: random).to(type)
      )
      let scores = q.to(.float64).matmul(k.to(.float64).transposed(2, 3)) * 0.125
      let exact = scores.softmax(-1).matmul(v.to(.float64)).to(type)
      let found = kind { q.attention(k, v, scale: 0.125) }
      expectClose(found, exact, "\(kind), \([b, h, queries, keys, c])")
      // Of some queries of one sample alone: the same bits.
      func part(_ x: Tensor) -> Tensor { x.narrowed(0, from: b - 1, count: 1) }
      let some = kind {
        part(q).narrowed(2, from: 3, count: 9).attention(part(k), part(v), scale: 0.125)
      }
      #expect(some.floats == part(found).narrowed(2, from: 3, count: 9).floats)
    }
  }

  @Test(arguments: KernelKind.runnable)
  func productsIn8BitsAreThoseOfTheReference(_ kind: KernelKind) {
    kind {
      for (rows, inputs, outputs) in [(1, 1, 1), (37, 100, 50), (65, 333, 129), (2, 2100, 3)] {
        let x = Tensor.randn([rows, inputs], using: random)
        let w = Tensor.randn([outputs, inputs], using: random)
        let found = QuantizedMatrix(w).linear(x, nil).to(.float64)
        let expected = QuantizedMatrix.reference(x, w, nil)
        let error = (found - expected).square().sum().item / expected.square().sum().item
        #expect(error.squareRoot() < 2e-3, "\(kind), \([rows, inputs, outputs])")
      }
    }
  }

  /// Sums of integers are exact: where the integers are the same, so are the results, bit by bit.
  @Test(.enabled(if: KernelKindTests.withVNNI.count > 1, "other hardware: fewer kernels with VNNI"))
  func kindsWithVNNIGiveTheSameBits() {
    for (rows, inputs, outputs) in [
      (1, 1, 1), (3, 63, 65), (16, 64, 16), (33, 65, 31), (400, 192, 768), (70, 1025, 129),
      (40, 4100, 20),
    ] {
      let x = Tensor.randn([rows, inputs], using: random)
      let (w, bias) = (
        Tensor.randn([outputs, inputs], using: random), Tensor.randn([outputs], using: random)
      )
      let products = Self.withVNNI.map { $0 { QuantizedMatrix(w).linearGELU(x, bias).floats } }
      #expect(products.allSatisfy { $0 == products[0] }, "\([rows, inputs, outputs])")
    }
    for (b, h, queries, keys, c) in [
      (1, 1, 1, 1, 4), (2, 3, 33, 31, 36), (1, 2, 65, 257, 64), (1, 1, 70, 600, 132),
      (2, 4, 256, 341, 64),
    ] {
      let q = Tensor.randn([b, h, queries, c], using: random)
      let (k, v) = (
        Tensor.randn([b, h, keys, c], using: random), Tensor.randn([b, h, keys, c], using: random)
      )
      let results = Self.withVNNI.map { kind in
        kind {
          let tokens = QuantizedTokens(batch: b, heads: h, length: keys + 40, channels: c)
          // Tokens after those that are attended to.
          tokens.append(k, v, at: 0)
          tokens.append(
            k.narrowed(2, from: 0, count: 1), v.narrowed(2, from: 0, count: 1), at: keys)
          return tokens.attention(q, count: keys).floats
        }
      }
      #expect(results.allSatisfy { $0 == results[0] }, "\([b, h, queries, keys, c])")
    }
  }

  /// Tiles are a state of the thread, which oneDNN's products have too.
  @Test func productsOfTheLibraryAreAsBefore() {
    let (a, b) = (
      Tensor.randn([70, 96], using: random).to(.bfloat16),
      Tensor.randn([96, 50], using: random).to(.bfloat16)
    )
    let q = Tensor.randn([1, 2, 40, 64], using: random).to(.bfloat16)
    let (before, mixed) = (a.matmul(b).floats, q.attention(q, q).floats)
    for _ in 0..<3 {
      #expect(a.matmul(b).floats == before)
      #expect(q.attention(q, q).floats == mixed)
    }
  }
}
