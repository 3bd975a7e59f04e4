import ModelTestSupport
import Testing
import Torch

@testable import NSARM
@testable import SuperResolution

/// Frames of videos, which take over codes and noise of the frame before.
@Suite struct FrameTests {
  private let resolver = try! SuperResolver(SuperResolverTests.model)
  private let picture = testPicture(44, 60)

  private func restored(_ picture: Tensor, _ context: TemporalPrior) throws
    -> (bytes: [UInt8], codes: FrameCodes)
  {
    var strips: [Tensor] = []
    let codes = try resolver(frame: LowQualityPicture(picture), context) { _, strip in
      strips.append(strip)
    }
    return (bytes(.concatenated(strips, 1)), codes)
  }

  private func context(
    moved: TemporalPrior.Displacement = .init(rows: 0, columns: 0), certainty: Float = 1,
    _ earlier: FrameCodes? = nil,
    hysteresis: Double = 2
  ) throws -> TemporalPrior {
    let (grid, side) = try resolver.tokenGrid(width: 60, height: 44)
    #expect(side == 4 && grid == GridSize(11, 15))
    var context = TemporalPrior()
    context.displacements = Array(repeating: moved, count: grid.count)
    context.certainties = Array(repeating: certainty, count: grid.count)
    context.earlier = earlier
    context.hysteresis = hysteresis
    return context
  }

  @Test func withNothingCarriedAFrameIsAPicture() throws {
    let expected = bytes(try resolver.upscaled(picture))
    let alone = try restored(picture, TemporalPrior())
    #expect(alone.bytes == expected)
    #expect(try restored(picture, context()).bytes == expected)
    // What is not surely the same has nothing carried either.
    #expect(try restored(picture, context(certainty: 0, alone.codes)).bytes == expected)
    #expect(try restored(picture, context(alone.codes, hysteresis: 0)).bytes == expected)
    #expect(alone.codes.bits.map(\.shape) == [1, 2, 4, 6, 8].map { [6, $0 * $0, 32] })
  }

  /// Content that moved by whole tokens draws the numbers of the place that it came from.
  @Test func noiseMovesWithTheContent() {
    let size = GridSize(6, 5)
    let logits = Tensor.randn([1, size.count, 18], using: RandomGenerator(seed: 2))
    let sampler = BitSampler(SamplingConfiguration(), seed: 3)
    func draw(_ origin: GridOffset, _ moved: GridOffset) -> [Bool] {
      let carried = TemporalBias(
        displacements: Array(repeating: moved, count: size.count), bias: nil)
      return sampler(logits, scale: 2, size: size, origins: [origin], carried: carried).values()
    }
    let (place, moved) = (GridOffset(row: 7, column: 9), GridOffset(row: 2, column: -3))
    let still = draw(place, .zero)
    #expect(
      still == sampler(logits, scale: 2, size: size, origins: [place]).values(Bool.self))
    #expect(draw(GridOffset(row: 5, column: 12), moved) == still)
    #expect(draw(place, moved) != still)
  }

  /// Places at every scale: by the scale's own tokens, where these fit.
  @Test func displacementsAreThoseOfEveryScale() throws {
    let codes = try restored(picture, context(moved: .init(rows: 8, columns: -4))).codes
    let own = try restored(picture, context()).codes
    // A token of scale k covers 8 / n_k of the last scale.
    let expected: [(rows: Int64, columns: Int64)] = [(1, -1), (2, -1), (4, -2), (6, -3), (8, -4)]
    for (k, moved) in expected.enumerated() {
      let difference = codes.places[k] - own.places[k]
      let rows = difference.selected(2, 0).contiguous().values(Int64.self)
      let columns = difference.selected(2, 1).contiguous().values(Int64.self)
      #expect(rows.allSatisfy { $0 == moved.rows }, "scale \(k)")
      #expect(columns.allSatisfy { $0 == moved.columns }, "scale \(k)")
    }
  }

  /// The stronger the hysteresis, the fewer bits change with the picture's noise.
  @Test func hysteresisKeepsBits() throws {
    let noise = Tensor.randn([3, 44, 60], using: RandomGenerator(seed: 5)) * 0.05
    let first = try restored(picture, context()).codes
    let shares = try [0, 2, 1000].map { hysteresis in
      let next = try restored(picture + noise, context(first, hysteresis: hysteresis)).codes
      let changed = zip(first.bits, next.bits).map { a, b in
        (a.to(.float32) - b.to(.float32)).abs().sum().item
      }
      return changed.reduce(0, +) / first.bits.reduce(0.0) { $0 + Double($1.count) }
    }
    #expect(shares[0] > 0.01 && shares[1] < 0.8 * shares[0] && shares[2] == 0, "\(shares)")
  }

  /// Bits are looked for where the content was.
  @Test func bitsMoveWithTheContent() throws {
    let first = try restored(picture, context()).codes
    // All content came from one token of the last scale further right.
    let next = try restored(
      picture, context(moved: .init(rows: 0, columns: 1), first, hysteresis: 1000)
    ).codes
    let (old, new) = (first.bits[4], next.bits[4])  // [T, 64, 32]
    for row in 0..<8 {
      for column in 0..<7 {
        let token = row * 8 + column
        #expect(
          new.selected(1, token).contiguous().values(Bool.self)
            == old.selected(1, token + 1).contiguous().values(Bool.self))
      }
    }
  }
}
