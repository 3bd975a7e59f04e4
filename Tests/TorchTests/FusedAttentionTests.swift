import Foundation
import Testing

@testable import Torch

/// Attention against its composition in float64.
extension FusedOperationTests {
  /// B, H, Lq, Lk, c.
  static let attentionSizes = [
    [1, 1, 1, 1, 1], [2, 3, 1, 7, 16], [2, 4, 9, 1, 64], [1, 2, 5, 3, 6], [2, 4, 36, 57, 64],
    [1, 3, 49, 121, 64], [2, 1, 97, 130, 33], [1, 2, 53, 64, 80], [3, 2, 47, 63, 129],
  ]

  @Test(arguments: [DType.float32, .bfloat16], attentionSizes)
  func attentionAgreesWithItsComposition(_ type: DType, _ size: [Int]) throws {
    let random = RandomGenerator(seed: 11)
    let (batch, heads, queries, keys, channels) = (size[0], size[1], size[2], size[3], size[4])
    // Slices of larger tensors, and queries in the memory order of a projection.
    let q = Tensor.randn([batch, queries, heads, channels], using: random).to(type)
      .transposed(1, 2)
    let (k, v) = (
      Tensor.randn([batch, heads, keys + 9, channels], using: random).to(type)
        .narrowed(2, from: 3, count: keys),
      Tensor.randn([batch, heads, keys + 5, channels], using: random).to(type)
        .narrowed(2, from: 0, count: keys)
    )
    for scale in [0.125, 1.0] {
      let result = try #require(q.fusedAttention(k, v, scale: scale))
      expectClose(result, inFloat64(q, k, v, scale: scale).to(type), "attention")
      // The heads of a token are neighbours in memory.
      let tokens = result.transposed(1, 2)
      #expect(tokens.withBytes { $0.count } == result.count * type.size)
    }
    // Directions that agree, as in cosine attention of the greatest strength: scores up to 100.
    let (sharp, unit) = (
      (q.to(.float32).l2Normalized(-1) * 100).to(type), k.to(.float32).l2Normalized(-1).to(type)
    )
    expectClose(
      sharp.attention(unit, v, scale: 1), inFloat64(sharp, unit, v, scale: 1).to(type),
      "attention with large scores", tolerance: 1e-4)
    expectClose(
      q.attention(k, v), inFloat64(q, k, v, scale: 1 / Double(channels).squareRoot()).to(type),
      "attention with the default scale")
  }

  @Test(arguments: [DType.float32, .bfloat16])
  func attentionOfASampleDoesNotDependOnTheBatch(_ type: DType) {
    let random = RandomGenerator(seed: 12)
    for (queries, keys) in [(1, 1), (36, 57), (100, 121)] {
      let q = Tensor.randn([5, 4, queries, 64], using: random).to(type)
      let k = Tensor.randn([5, 4, keys, 64], using: random).to(type)
      let v = Tensor.randn([5, 4, keys, 64], using: random).to(type)
      let together = q.attention(k, v, scale: 1)
      for range in [0..<1, 1..<3, 4..<5] {
        func part(_ x: Tensor) -> Tensor {
          x.narrowed(0, from: range.lowerBound, count: range.count)
        }
        #expect(part(q).attention(part(k), part(v), scale: 1).floats == part(together).floats)
      }
    }
  }

  @Test func attentionWithGradientsIsComposed() throws {
    let random = RandomGenerator(seed: 13)
    let (q, k) = (
      Tensor.randn([1, 2, 3, 8], using: random), Tensor.randn([1, 2, 5, 8], using: random)
    )
    let plain = q.attention(k, k)
    q.requiresGradient = true
    #expect(q.fusedAttention(k, k, scale: 1) == nil)
    let result = q.attention(k, k)
    expectClose(result.detached(), plain, "attention")
    #expect(try gradients(of: [result.sum()], with: [q])[0] != nil)
    // libtorch's for what else it takes: other types, a mask, values of other widths.
    let (x, y) = (q.detached(), Tensor.randn([1, 2, 5, 3], using: random))
    #expect(x.fusedAttention(k, y, scale: 1) == nil && x.attention(k, y).shape == [1, 2, 3, 3])
    #expect(x.to(.float64).fusedAttention(k.to(.float64), k.to(.float64), scale: 1) == nil)
    let everything = Tensor.ones([1, 1, 1, 5]) .> 0
    expectClose(x.attention(k, k, mask: everything), plain, "attention with a mask")
    withAutocast(.bfloat16, on: .cpu) { #expect(x.attention(k, k).dtype == .bfloat16) }
  }

  /// Where nothing multiplies bfloat16, also where libtorch is told so (`ATEN_CPU_CAPABILITY`),
  /// libtorch's attention of bfloat16 refuses or takes long.
  @Test func composedAttentionAvoidsEmulatedBFloat16() throws {
    let amx: Set = ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16"]
    func attends(_ environment: [String: String]) -> Bool {
      Processor(features: amx, environment: environment).attendsInBFloat16
    }
    #expect(attends([:]) && attends(["ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"]))
    #expect(!attends(["ATEN_CPU_CAPABILITY": "avx2"]))
    #expect(!attends(["ATEN_CPU_CAPABILITY": "default"]))
    #expect(!attends(["ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"]))

    let random = RandomGenerator(seed: 15)
    let q = Tensor.randn([1, 2, 9, 64], using: random).to(.bfloat16)
    let wide = q.to(.float32)
    let expected = wide.attentionReference(wide, wide, scale: 0.125).to(.bfloat16).floats
    let older = Processor(features: amx, environment: ["ATEN_CPU_CAPABILITY": "avx2"])
    let found = q.attentionReference(q, q, scale: 0.125, processor: older)
    #expect(found.dtype == .bfloat16 && found.floats == expected)
    // In a region of bfloat16 float32 operands are meant in bfloat16, too.
    let narrowed = withAutocast(.bfloat16, on: .cpu) {
      wide.attentionReference(wide, wide, scale: 0.125, processor: older)
    }
    #expect(narrowed.dtype == .bfloat16)
    q.requiresGradient = true
    let result = q.attentionReference(q, q, scale: 0.125, processor: older)
    #expect(try gradients(of: [result.sum()], with: [q])[0]?.dtype == .bfloat16)
  }

  @Test func attentionHandsOnNaNs() {
    let q = Tensor([Float.nan, 1]).reshaped(1, 1, 2, 1)
    let result = q.attention(.ones([1, 1, 3, 1]), .ones([1, 1, 3, 1])).floats
    #expect(result[0].isNaN && result[1] == 1)
  }

  /// The number of threads is the whole process's, which other tests share.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["NSARM_SLOW_TESTS"] != nil,
      "NSARM_SLOW_TESTS is not set"))
  func attentionDoesNotDependOnThreads() {
    let threads = TorchRuntime.threadCount
    defer { TorchRuntime.threadCount = threads }
    let random = RandomGenerator(seed: 14)
    for type in [DType.float32, .bfloat16] {
      let q = Tensor.randn([1, 3, 300, 64], using: random).to(type)
      let results = [1, 2, 3, 7].map { count in
        TorchRuntime.threadCount = count
        return q.attention(q, q).floats
      }
      #expect(results.allSatisfy { $0 == results[0] })
    }
  }

  private func inFloat64(_ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double) -> Tensor {
    let scores = q.to(.float64).matmul(k.to(.float64).transposed(2, 3)) * scale
    return scores.softmax(-1).matmul(v.to(.float64))
  }
}
