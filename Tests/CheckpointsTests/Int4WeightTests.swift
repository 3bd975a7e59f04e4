import Testing
import Torch

@testable import Checkpoints

@Suite struct Int4WeightTests {
  /// As `Int4Weight` is defined, one group after the other.
  private func plain(_ w: [Float], clippings: [Double]) -> (q: [Int], scale: Float) {
    func storable(_ scale: Float) -> Float {
      let magnitude = Float(Float16(min(max(abs(scale), 0x1p-24), 65504)))
      return scale < 0 ? -magnitude : magnitude
    }
    func levels(_ scale: Float) -> [Float] {
      w.map { min(max(($0 / scale).rounded(.toNearestOrEven), -8), 7) }
    }
    func error(_ scale: Float) -> Float {
      zip(w, levels(scale)).reduce(0) { $0 + ($1.0 - $1.1 * scale) * ($1.0 - $1.1 * scale) }
    }
    let opposite = -(w.max()! + w.min()! > 0 ? w.max()! : w.min()!)
    var best = storable(opposite / 8)
    for clipping in clippings.flatMap({ [$0, -$0] }) {
      let q = levels(storable(opposite * Float(clipping / 8)))
      let product = zip(w, q).reduce(Float(0)) { $0 + $1.0 * $1.1 }
      let candidate = storable(product / max(1, q.reduce(0) { $0 + $1 * $1 }))
      if error(candidate) < error(best) { best = candidate }
    }
    return (levels(best).map { Int($0) }, best)
  }

  @Test func equalsItsPlainVersion() throws {
    let random = RandomGenerator(seed: 5)
    let weight = Tensor.randn([6, 128], using: random)
    let stored = Int4Weight(weight)
    #expect(stored.values.dtype == .uint8 && stored.values.shape == [6, 64])
    #expect(stored.scale.dtype == .float16 && stored.scale.shape == [6, 8])
    #expect(stored.group == 16 && stored.shape == [6, 128])
    let (w, bytes, scales) = (weight.floats, stored.values.values(UInt8.self), stored.scale.floats)
    var different = 0
    for group in 0..<48 {
      let expected = plain(
        Array(w[(16 * group)..<(16 * group + 16)]), clippings: Int4Weight.clippings)
      let q = bytes[(8 * group)..<(8 * group + 8)].flatMap {
        [Int($0 & 15) - 8, Int($0 >> 4) - 8]
      }
      // Sums in another order may decide a tie otherwise.
      if q != expected.q || scales[group] != expected.scale { different += 1 }
    }
    #expect(different <= 3)
  }

  @Test func errorIsBounded() throws {
    let random = RandomGenerator(seed: 6)
    let weight = Tensor.randn([64, 512], using: random) * 0.02
    let stored = Int4Weight(weight)
    let restored = stored.dequantized()
    let relative = ((restored - weight).square().sum() / weight.square().sum()).sqrt().item
    #expect(relative < 0.075)
    // Never worse than the largest weight alone as the scale.
    let groups = weight.reshaped(64, 32, 16)
    let scale = groups.abs().max([2], keep: true) / 7
    let simple = (groups / scale).rounded() * scale
    let simpleError = ((simple - groups).square().sum() / groups.square().sum()).sqrt().item
    #expect(relative < 0.9 * simpleError)
    // Larger groups are coarser, and still stored.
    let coarse = Int4Weight(weight, group: 64).dequantized()
    let coarseError = ((coarse - weight).square().sum() / weight.square().sum()).sqrt().item
    #expect(coarseError > relative && coarseError < 0.094)
    #expect(stored.dequantized(.bfloat16).dtype == .bfloat16)
  }

  @Test func zerosAndSmallNumbers() throws {
    let zeros = Int4Weight(.zeros([2, 64]))
    #expect(zeros.dequantized().abs().max().item == 0)
    let tiny = Int4Weight(Tensor.ones([2, 64]) * 1e-9)
    #expect(tiny.dequantized().isFinite().allTrue)
    let mixed = Tensor.concatenated([.zeros([1, 64]), .ones([1, 64])], 0)
    #expect((Int4Weight(mixed).dequantized() - mixed).abs().max().item < 1e-3)
  }

  @Test func filesGiveTheStoredForm() throws {
    let folder = try TemporaryFolder()
    let random = RandomGenerator(seed: 7)
    let (four, eight) = (
      Int4Weight(Tensor.randn([4, 192], using: random)),
      Int8Weight(Tensor.randn([4, 10], using: random))
    )
    try writeSafetensors(
      [
        ("a", four.values), ("a.scale", four.scale), ("b", eight.values), ("b.scale", eight.scale),
        ("c", .ones([2])), ("d", Tensor.zeros([3, 4], .uint8)), ("d.scale", Tensor.ones([3])),
        ("e", Tensor([1, -2] as [Float]).to(.float8E4M3)),
      ], to: folder.file("w.safetensors"))
    let source = QuantizedSource(try SafetensorsFile(folder.file("w.safetensors")))
    #expect(Set(source.names) == ["a", "b", "c", "d", "d.scale", "e"])
    #expect(source.quantizedNames == ["a", "b"])
    #expect(source.shape("a") == [4, 192] && source.dtype("a") == .float32)
    #expect(source.shape("b") == [4, 10] && source.shape("d") == [3, 4])
    #expect(try source.tensor("a").floats == four.dequantized().floats)
    #expect(source.dtype("e") == .float32)
    #expect(try source.tensor("e").dtype == .float32 && source.tensor("e").floats == [1, -2])
    guard case .int4(let a) = try source.storedWeight("a"), a.group == 16,
      case .int8(let b) = try source.storedWeight("b"), b.scale.shape == [4],
      case .full(let c) = try source.storedWeight("c"), c.floats == [1, 1]
    else {
      Issue.record("another form")
      return
    }
  }
}
