import Foundation
import Testing

@testable import Torch

/// Attention to keys and values in 8 bits, beyond `FusedCase`.
extension FusedOperationTests {
  /// Operands as cosine attention has them: directions around a few, and values with a mean.
  private struct Operands {
    let q, k, v: Tensor

    init(_ shape: [Int], queries: Int, keys: Int, strength: Double, seed: UInt64) {
      let random = RandomGenerator(seed: seed)
      let (heads, c) = (Array(shape.prefix(2)), shape[2])
      let centres = Tensor.randn(heads + [4, c], using: random)
      func directions(_ count: Int) -> Tensor {
        let few = Tensor.concatenated(
          (0..<count).map { centres.narrowed(2, from: $0 * 7 % 4, count: 1) }, 2)
        return (few + Tensor.randn(heads + [count, c], using: random)).l2Normalized(-1)
      }
      q = directions(queries) * strength
      k = directions(keys)
      v = Tensor.randn(heads + [keys, c], using: random) + Tensor.randn([c], using: random) * 0.5
    }

    /// In float64.
    var exact: Tensor {
      q.to(.float64).matmul(k.to(.float64).transposed(2, 3)).softmax(-1).matmul(v.to(.float64))
    }

    /// All tokens, appended in pieces that end at `ends`.
    func tokens(_ ends: [Int]) -> QuantizedTokens {
      let tokens = QuantizedTokens(
        batch: k.size(0), heads: k.size(1), length: k.size(2), channels: k.size(3))
      var start = 0
      for end in ends {
        tokens.append(
          k.narrowed(2, from: start, count: end - start),
          v.narrowed(2, from: start, count: end - start), at: start)
        start = end
      }
      return tokens
    }

    var result: Tensor { tokens([k.size(2)]).attention(q, count: k.size(2)) }
  }

  /// The relative error grows with the strength: steps of a key are multiplied by it.
  @Test(arguments: [(1.0, 0.003), (4, 0.005), (20, 0.02), (100, 0.1)])
  func attentionIn8BitsIsCloseToExact(_ strength: Double, _ tolerance: Double) {
    let operands = Operands([1, 2, 128], queries: 40, keys: 700, strength: strength, seed: 21)
    let (found, exact) = (operands.result.to(.float64), operands.exact)
    let error = ((found - exact).square().sum() / exact.square().sum()).item.squareRoot()
    #expect(error < tolerance, "\(error) at strength \(strength)")
  }

  /// Weights that are small beside the largest are most of the sum, so that they must not be lost.
  @Test func manySmallWeightsAreNotRoundedAway() {
    let keys = 256
    var scores = [Float](repeating: 0, count: keys)
    scores[40] = 6  // e^6 is 403 times as much
    let k = Tensor(scores).reshaped(1, 1, keys, 1) * Tensor([1, 0, 0, 0] as [Float])
    var marks = [Float](repeating: 1, count: keys)
    marks[40] = -1
    let v = Tensor(marks).reshaped(1, 1, keys, 1) * Tensor.ones([4])
    let tokens = QuantizedTokens(batch: 1, heads: 1, length: keys, channels: 4)
    tokens.append(k, v, at: 0)
    let found = tokens.attention(Tensor([1, 0, 0, 0] as [Float]).reshaped(1, 1, 1, 4), count: keys)
    let exact = (255 - Foundation.exp(6.0)) / (255 + Foundation.exp(6.0))
    #expect(found.floats.allSatisfy { abs(Double($0) - exact) < 0.01 }, "\(found.floats), \(exact)")
  }

  @Test(arguments: [4, 20, 64, 128])
  func tokensInPiecesAreThoseAtOnce(_ channels: Int) {
    let operands = Operands([2, 2, channels], queries: 9, keys: 521, strength: 4, seed: 22)
    let (whole, pieces) = (
      operands.tokens([521]), operands.tokens([1, 5, 21, 57, 121, 255, 257, 520, 521])
    )
    #expect(whole.bytes == pieces.bytes)
    // The first tokens alone, and the first of many.
    for count in [1, 5, 57, 256, 300] {
      let first = operands.tokens([count]).attention(operands.q, count: count)
      #expect(whole.attention(operands.q, count: count).floats == first.floats)
    }
  }

  @Test(arguments: [DType.float32, .bfloat16])
  func attentionIn8BitsDependsOnTheQueryAlone(_ type: DType) {
    let operands = Operands([3, 2, 64], queries: 75, keys: 333, strength: 10, seed: 23)
    let tokens = operands.tokens([333])
    let q = operands.q.to(type)
    let together = tokens.attention(q, count: 333)
    for range in [0..<1, 1..<40, 31..<34, 74..<75] {
      func part(_ x: Tensor) -> Tensor {
        x.narrowed(2, from: range.lowerBound, count: range.count)
      }
      #expect(tokens.attention(part(q), count: 333).floats == part(together).floats)
    }
    for sample in 0..<3 {
      func part(_ x: Tensor) -> Tensor { x.narrowed(0, from: sample, count: 1) }
      let alone = QuantizedTokens(batch: 1, heads: 2, length: 400, channels: 64)
      alone.append(part(operands.k), part(operands.v), at: 0)
      #expect(alone.attention(part(q), count: 333).floats == part(together).floats)
    }
  }

  /// Keys and values as slices, in both types and in other orders of memory.
  @Test func tokensDoNotDependOnTheOrderOfMemory() {
    let operands = Operands([2, 3, 36], queries: 5, keys: 40, strength: 4, seed: 24)
    func turned(_ x: Tensor) -> Tensor { x.transposed(1, 2).contiguous().transposed(1, 2) }
    func columns(_ x: Tensor) -> Tensor { x.transposed(2, 3).contiguous().transposed(2, 3) }
    let tokens = operands.tokens([40])
    let expected = tokens.attention(operands.q, count: 40).floats
    for order in [turned, columns] {
      let other = QuantizedTokens(batch: 2, heads: 3, length: 40, channels: 36)
      other.append(order(operands.k), order(operands.v), at: 0)
      #expect(other.bytes == tokens.bytes)
      #expect(other.attention(order(operands.q), count: 40).floats == expected)
    }
  }

  @Test func attentionIn8BitsHandsOnNaNs() {
    let operands = Operands([1, 1, 8], queries: 3, keys: 5, strength: 4, seed: 25)
    var numbers = operands.q.floats
    (numbers[8], numbers[16]) = (.nan, .infinity)
    let q = Tensor(numbers).reshaped(1, 1, 3, 8)
    let result = operands.tokens([5]).attention(q, count: 5).floats
    #expect(result[0..<8].allSatisfy(\.isFinite) && result[8..<24].allSatisfy(\.isNaN))
    let tokens = QuantizedTokens(batch: 1, heads: 1, length: 5, channels: 8)
    for bad in [Float.nan, .infinity] {
      let x = Tensor([Float](repeating: bad, count: 40)).reshaped(1, 1, 5, 8)
      for (k, v) in [(x, operands.v), (operands.k, x)] {
        tokens.append(k, v, at: 0)
        let found = tokens.attention(operands.q, count: 5).floats
        #expect(found.allSatisfy { $0.isNaN }, "\(found)")
      }
    }
    // Zeros have no direction, and all tokens the same weight.
    tokens.append(operands.k * 0, operands.v, at: 0)
    expectClose(
      tokens.attention(operands.q * 0, count: 5).selected(2, 0), operands.v.mean([2]), "the mean",
      tolerance: 0.02)
    tokens.append(operands.k, operands.v * 0, at: 0)
    #expect(tokens.attention(operands.q, count: 5).floats.allSatisfy { $0 == 0 })
  }

  @Test func mistakesInTokensAreRefused() {
    func refuses(_ name: String, _ arguments: [any OperatorArgument]) -> Bool {
      (try? Operator("nsarm::" + name).call(arguments)) == nil
    }
    #expect(
      refuses("quantized_tokens", [1, 1, 5, 6]) && refuses("quantized_tokens", [1, 1, 0, 4]))
    let memory = aten(.quantizedTokens, 1, 2, 5, 8)
    let x = Tensor.ones([1, 2, 3, 8])
    for (k, v, start) in [
      (x, x, -1), (x, x, 254), (x, x.to(.bfloat16), 0), (x, Tensor.ones([1, 2, 2, 8]), 0),
      (Tensor.ones([1, 2, 3, 64]), Tensor.ones([1, 2, 3, 64]), 0), (x.to(.uint8), x.to(.uint8), 0),
      (Tensor.ones([1, 1, 3, 8]), Tensor.ones([1, 1, 3, 8]), 0),
    ] {
      #expect(refuses("quantized_append", [memory, k, v, start]))
    }
    #expect(refuses("quantized_append", [Tensor.ones([3]), x, x, 0]))
    #expect(refuses("quantized_attention", [x, memory, 0]))
    #expect(refuses("quantized_attention", [x, memory, 257]))
    #expect(refuses("quantized_attention", [x.to(.float64), memory, 1]))
    let learnt = x.cloned()
    learnt.requiresGradient = true
    #expect(refuses("quantized_attention", [learnt, memory, 1]))
    #expect(refuses("quantized_append", [memory, learnt, x, 0]))
  }

  /// The number of threads is the whole process's, which other tests share.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["NSARM_SLOW_TESTS"] != nil,
      "NSARM_SLOW_TESTS is not set"))
  func attentionIn8BitsDoesNotDependOnThreads() {
    let threads = TorchRuntime.threadCount
    defer { TorchRuntime.threadCount = threads }
    let operands = Operands([1, 3, 64], queries: 300, keys: 700, strength: 10, seed: 26)
    let results = [1, 2, 3, 7].map { count in
      TorchRuntime.threadCount = count
      return operands.result.floats
    }
    #expect(results.allSatisfy { $0 == results[0] })
  }
}
