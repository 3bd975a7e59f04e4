import Foundation
import Testing
import Torch

@testable import NSARM

@Suite struct SamplerTests {
  let random = RandomGenerator(seed: 1)
  let size = GridSize(6, 5)

  private func sampler(
    _ temperature: Double = 1, topK: Int = 2, topP: Double = 1, seed: UInt64 = 5
  ) -> BitSampler {
    var configuration = SamplingConfiguration()
    configuration.temperature = temperature
    configuration.topK = topK
    configuration.topP = topP
    return BitSampler(configuration, seed: seed)
  }

  private func origins(_ count: Int) -> [GridOffset] {
    (0..<count).map { GridOffset(row: 10 * $0, column: 3 * $0) }
  }

  /// The same bits however a batch is divided.
  @Test func batchSplit() {
    let logits = Tensor.randn([4, size.count, 2 * 9], using: random)
    let together = sampler()(logits, scale: 3, size: size, origins: origins(4))
    for sample in 0..<4 {
      let alone = sampler()(
        logits.narrowed(0, from: sample, count: 1), scale: 3, size: size,
        origins: [origins(4)[sample]])
      #expect(
        alone.values(Bool.self)
          == together.narrowed(0, from: sample, count: 1).values(Bool.self))
    }
  }

  /// A tile draws the numbers of its place on the whole picture.
  @Test func tilesAgreeWithTheWhole() {
    let whole = GridSize(8, 9)
    let logits = Tensor.randn([1, whole.count, 2 * 9], using: random)
    let bits = sampler()(logits, scale: 2, size: whole, origins: [.zero])
      .reshaped(8, 9, 9)
    func crop(_ x: Tensor) -> Tensor {
      x.narrowed(0, from: 2, count: size.height).narrowed(1, from: 3, count: size.width)
    }
    let part = crop(logits.reshaped(8, 9, 18)).reshaped(1, size.count, 18)
    let tile = sampler()(part, scale: 2, size: size, origins: [GridOffset(row: 2, column: 3)])
    #expect(tile.values(Bool.self) == crop(bits).contiguous().values(Bool.self))
  }

  /// The closed form for two values against the filter for any number of them, which has parity
  /// with the reference.
  @Test(arguments: [0, 0.3, 0.5, 0.8, 0.97, 1])
  func filterOfBits(_ topP: Double) {
    let pairs = Tensor.randn([7, 30, 2], using: random) * 3
    let expected = filteredProbabilities(pairs, topK: 2, topP: topP).selected(2, 1)
    let result = sampler(topP: topP).filteredProbability(pairs.selected(2, 0), pairs.selected(2, 1))
    #expect(distance(result, expected) < 1e-6)
  }

  @Test func seedsAndScalesDiffer() {
    let logits = Tensor.zeros([1, size.count, 2 * 9])
    func bits(_ seed: UInt64, _ scale: Int) -> [Bool] {
      sampler(seed: seed)(logits, scale: scale, size: size, origins: [.zero]).values()
    }
    #expect(bits(1, 0) == bits(1, 0))
    for other in [bits(2, 0), bits(1, 1)] {
      let equal = zip(bits(1, 0), other).filter { $0 == $1 }.count
      #expect(abs(equal - 135) < 45)  // of 270 fair coins
    }
  }

  /// Frequencies of ones match the probabilities that the logits give, and bits are independent.
  @Test func distribution() {
    let (rows, bits) = (160, 6)
    let grid = GridSize(rows, rows)
    let margins: [Float] = [-3, -1, -0.2, 0.3, 1, 2.5]
    let row: [Float] = margins.flatMap { [Float(0), $0] }
    let logits = Tensor(row).expanded([1, grid.count, 2 * bits])
    let drawn = sampler()(logits, scale: 1, size: grid, origins: [.zero])
      .to(.float64).selected(0, 0)  // [L, bits]
    let means = drawn.mean([0]).values(Double.self)
    for (mean, margin) in zip(means, margins) {
      let p = 1 / (1 + Foundation.exp(-Double(margin)))
      let deviation = (p * (1 - p) / Double(grid.count)).squareRoot()
      #expect(abs(mean - p) < 4.5 * deviation)
    }
    let centred = drawn - drawn.mean([0], keep: true)
    let correlation = centred.transposed(0, 1).matmul(centred) / Double(grid.count)
    for a in 0..<bits {
      for b in 0..<a {
        let product = correlation.selected(0, a).selected(0, b).item
        #expect(abs(product) < 0.25 * 4.5 / Double(grid.count).squareRoot())
      }
    }
    let neighbours =
      centred.narrowed(0, from: 1, count: grid.count - 1)
      * centred.narrowed(0, from: 0, count: grid.count - 1)
    for product in neighbours.mean([0]).values(Double.self) {
      #expect(abs(product) < 0.25 * 4.5 / Double(grid.count).squareRoot())
    }
  }

  /// Temperature 0 and top-k 1 take the likelier value; top-p drops the value that p does not need.
  @Test func greedyAndTopP() {
    let logits = Tensor.randn([1, size.count, 2 * 9], using: random) * 2
    let pairs = logits.reshaped(1, size.count, 9, 2)
    let likelier = pairs.argmax(-1).to(.bool).values(Bool.self)
    let place = [GridOffset.zero]
    for greedy in [sampler(0), sampler(1, topK: 1), sampler(1, topP: 0.5)] {
      #expect(greedy(logits, scale: 0, size: size, origins: place).values() == likelier)
    }
    let p = pairs.softmax(-1)
    let filtered = filteredProbabilities(pairs, topK: 0, topP: 0.9)
    for (before, after) in zip(p.floats, filtered.floats) {
      if before > 0.1001, before < 0.8999 { #expect(abs(before - after) < 1e-6) }
      if before < 0.0999 { #expect(after == 0) }
      if before > 0.9001 { #expect(after == 1) }
    }
  }

  @Test func topKOfMany() {
    let logits = Tensor([0, 3, 1, 2, -1] as [Float])
    let kept = filteredProbabilities(logits, topK: 2, topP: 0).floats
    #expect(kept[0] == 0 && kept[2] == 0 && kept[4] == 0)
    #expect(abs(kept[1] - 0.7310586) < 1e-6)
    // 3: 0.636, 2: 0.234, 1: 0.086, 0: 0.032, -1: 0.012
    let most = filteredProbabilities(logits, topK: 0, topP: 0.86).floats
    #expect(most[1] > most[3] && most[3] > 0 && most[2] == 0 && most[0] == 0)
  }
}
