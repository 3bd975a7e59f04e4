import Foundation
import ModelTestSupport
import Testing
import Torch

@testable import NSARM

@Suite struct ScheduleTests {
  let random = RandomGenerator(seed: 1)
  @Test func publishedSchedules() {
    #expect(ScaleSchedule.aspectRatios.count == 15)
    for ratio in ScaleSchedule.aspectRatios {
      let whole = ScaleSchedule.published(aspectRatio: ratio, budget: .pixels1024, patch: 2)
      #expect(whole.count == 13)
      #expect(whole.tokens[0] == GridSize(1, 1))
      #expect(whole.tokens[1] == GridSize(2, 2))
      for (coarse, fine) in zip(whole.tokens, whole.tokens.dropFirst()) {
        #expect(coarse.height <= fine.height && coarse.width <= fine.width && coarse != fine)
      }
      // About 1024 x 1024 pixels at 16 pixels per token, in the shape asked for.
      let last = whole.tokens[12]
      #expect(abs(Double(last.count) / 4096 - 1) < 0.06)
      #expect(abs(Double(last.height) / Double(last.width) / ratio - 1) < 0.03)
      for budget in ScaleSchedule.PixelBudget.allCases {
        let part = ScaleSchedule.published(aspectRatio: ratio, budget: budget, patch: 2)
        #expect(part == whole.prefix(budget.scaleCount))
      }
      let turned = ScaleSchedule.published(aspectRatio: 1 / ratio, budget: .pixels1024)
      #expect(turned.tokens.map { GridSize($0.width, $0.height) } == whole.tokens)
    }
    let square = ScaleSchedule.published(aspectRatio: 1, budget: .pixels1024)
    #expect(square.tokenCount == 10521)
    #expect(ScaleSchedule.published(aspectRatio: 1.02, budget: .pixels1024) == square)
  }

  @Test func rangesAndSizes() {
    let schedule = ScaleSchedule([GridSize(1, 1), GridSize(2, 3), GridSize(4, 5)], patch: 2)
    #expect(schedule.ranges == [0..<1, 1..<7, 7..<27])
    #expect(schedule.tokenCount == 27)
    #expect(schedule.latents == [GridSize(2, 2), GridSize(4, 6), GridSize(8, 10)])
    #expect(schedule.latent == GridSize(8, 10))
    #expect(schedule.prefix(2).latent == GridSize(4, 6))
  }

  @Test func gridSizesAreLists() throws {
    let data = try JSONEncoder().encode([GridSize(3, 2)])
    #expect(String(decoding: data, as: UTF8.self) == "[[3,2]]")
    #expect(try JSONDecoder().decode([GridSize].self, from: data) == [GridSize(3, 2)])
  }

  @Test(arguments: [1, 2, 4]) func patchifyRoundTrip(patch: Int) {
    let schedule = ScaleSchedule([GridSize(1, 1), GridSize(3, 5)], patch: patch)
    let size = schedule.latent
    let map = Tensor.range(2 * 6 * size.count).reshaped(2, 6, size.height, size.width)
    let tokens = schedule.tokens(map)
    #expect(tokens.shape == [2, 15, 6 * patch * patch])
    #expect(schedule.map(tokens, scale: 1).values(Int64.self) == map.values(Int64.self))
    // Channel c · patch² + dy · patch + dx of token (y, x) is cell (y · patch + dy, x · patch +
    // dx).
    let (y, x, c, dy, dx) = (2, 3, 4, patch - 1, patch / 2)
    let token = tokens.selected(0, 1).selected(0, y * 5 + x)
    let cell = map.selected(0, 1).selected(0, c).selected(0, y * patch + dy)
      .selected(0, x * patch + dx)
    #expect(token.selected(0, c * patch * patch + dy * patch + dx).item == cell.item)
  }

  /// Cells over the same place of the picture stand at the same position at every scale.
  @Test func rotaryPositionsFollowThePicture() {
    let reference = GridSize(64, 64)
    let schedule = ScaleSchedule([4, 16, 64].map { GridSize($0, $0) })
    let rotary = RotaryEmbedding(schedule, reference: reference, headDimension: 16)
    for (size, range) in zip(schedule.tokens, schedule.ranges) {
      for (index, place) in rotary.positions[range].enumerated() {
        #expect(place.y == index / size.width * (64 / size.height))
        #expect(place.x == index % size.width * (64 / size.width))
      }
    }
    // A turn keeps the length and depends on the difference of positions only.
    let (q, k) = (
      Tensor.randn([1, 1, 1, 16], using: random), Tensor.randn([1, 1, 1, 16], using: random)
    )
    func product(_ a: Int, _ b: Int) -> Double {
      (turned(q, by: rotary, a..<a + 1) * turned(k, by: rotary, b..<b + 1)).sum().item
    }
    let start = schedule.ranges[2].lowerBound
    #expect(abs(product(start, start + 65) - product(start + 130, start + 195)) < 1e-4)
    #expect(abs(product(start + 7, start + 7) - (q * k).sum().item) < 1e-4)
  }
}
