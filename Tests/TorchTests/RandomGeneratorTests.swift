import Testing

@testable import Torch

@Suite struct RandomGeneratorTests {
  /// Numbers of every kind: libtorch computes normal ones in pairs or, from 16 on, in blocks.
  private func draw(_ generator: RandomGenerator) -> [Float] {
    Tensor.randn([20], using: generator).floats + Tensor.rand([3], using: generator).floats
      + Tensor.randn([1], using: generator).floats
  }

  @Test func sameSeedSameNumbers() {
    let (a, b) = (RandomGenerator(seed: 5), RandomGenerator(seed: 5))
    let first = draw(a)
    #expect(first == draw(b))
    #expect(first != draw(a))
    #expect(first != draw(RandomGenerator(seed: 6)))
  }

  /// The numbers that PyTorch gives after `torch.manual_seed(0)`.
  @Test func streamOfPyTorch() {
    func expect(_ values: [Float], _ known: [Float]) {
      for (value, known) in zip(values, known) { #expect(abs(value - known) < 1e-5) }
    }
    func fresh() -> RandomGenerator { RandomGenerator(seed: 0) }
    expect(
      Tensor.rand([4], using: fresh()).floats, [0.496256590, 0.768221796, 0.088477433, 0.132030487])
    expect(
      Tensor.randn([4], using: fresh()).floats,
      [1.540996075, -0.293428898, -2.178789377, 0.568431258])
    // From 16 numbers on libtorch computes them in blocks.
    let generator = fresh()
    let many = Tensor.randn([20], using: generator).floats
    expect(many, [-1.125839829, -1.152360201, -0.250578582, -0.433878809])
    expect(
      Array(many.suffix(4)), [0.931826591, 1.259009242, 2.004980564, 0.053736903])
    expect(Tensor.rand([2], using: generator).floats, [0.208129764, 0.929799020])
  }

  @Test func generatorsDoNotDisturbEachOther() {
    func three(_ generator: RandomGenerator) -> [[Float]] { (0..<3).map { _ in draw(generator) } }
    let alone = [three(RandomGenerator(seed: 1)), three(RandomGenerator(seed: 2))]
    let (a, b) = (RandomGenerator(seed: 1), RandomGenerator(seed: 2))
    var interleaved: [[[Float]]] = [[], []]
    for _ in 0..<3 {
      interleaved[0].append(draw(a))
      interleaved[1].append(draw(b))
    }
    #expect(interleaved == alone)
  }

  /// libtorch's default generator and ours do not know of each other. The default one has a seed of
  /// its own in every process, but 624 numbers of an mt19937 tell the next one; nothing else in
  /// this process draws.
  @Test func defaultGeneratorIsLeftAlone() {
    let generator = RandomGenerator(seed: 9)
    let before = rawNumbersOfTheProcess(624)
    #expect(draw(generator) == draw(RandomGenerator(seed: 9)))
    _ = draw(generator)
    let (x, y, z) = (untempered(before[0]), untempered(before[1]), untempered(before[397]))
    let joined = (x & 0x8000_0000) | (y & 0x7FFF_FFFF)
    let next = z ^ (joined >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
    #expect(rawNumbersOfTheProcess(2)[0] == tempered(next))
  }

  /// `count` numbers of libtorch's default generator.
  private func rawNumbersOfTheProcess(_ count: Int) -> [UInt32] {
    let pairs = Tensor.zeros([count / 2], .int64)
    aten(Operator("random_.from"), pairs, Int.min, Int?.none)
    return pairs.values(Int64.self).flatMap {
      [UInt32(truncatingIfNeeded: $0 >> 32), UInt32(truncatingIfNeeded: $0)]
    }
  }

  /// An mt19937's number from the word of its state.
  private func tempered(_ word: UInt32) -> UInt32 {
    var y = word ^ (word >> 11)
    y ^= (y << 7) & 0x9D2C_5680
    y ^= (y << 15) & 0xEFC6_0000
    return y ^ (y >> 18)
  }

  /// The inverse of `tempered`.
  private func untempered(_ number: UInt32) -> UInt32 {
    let a = number ^ (number >> 18)
    let b = a ^ ((a << 15) & 0xEFC6_0000)
    let c = (0..<5).reduce(b) { c, _ in b ^ ((c << 7) & 0x9D2C_5680) }
    return (0..<3).reduce(c) { d, _ in c ^ (d >> 11) }
  }

  @Test func shapesAndRange() {
    let generator = RandomGenerator(seed: 3)
    let uniform = Tensor.rand([20, 30, 40], using: generator)
    #expect(uniform.shape == [20, 30, 40] && uniform.dtype == .float32)
    #expect(uniform.floats.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(uniform.mean().item - 0.5) < 0.01)
    let normal = Tensor.randn([24_000], using: generator)
    #expect(abs(normal.mean().item) < 0.03)
    #expect(abs(normal.square().mean().item - 1) < 0.04)
  }
}
