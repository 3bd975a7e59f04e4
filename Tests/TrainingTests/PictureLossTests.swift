import ImageQuality
import Testing
import Torch

@testable import Training

@Suite struct PictureLossTests {
  private let pictures = (0..<3).map {
    Tensor.rand([2, 3, 64, 64], using: RandomGenerator(seed: UInt64($0 + 1))) * 2 - 1
  }

  private func loss(
    teacher: Tensor?, _ change: (inout PictureLossSettings) -> Void
  ) throws -> PictureLoss.Value {
    var settings = PictureLossSettings()
    settings.l1 = 0
    change(&settings)
    return try PictureLoss(settings, gridPeriods: [4, 8], seed: 1, on: .cpu)(
      pictures[0], pictures[1], teacher: teacher, step: 1, random: UpdateRandom(seed: 1, step: 1))
  }

  /// L1 to the teacher's picture; to the original where there is none.
  @Test func teacher() throws {
    for teacher in [pictures[2], nil] {
      let expected = (pictures[0] - (teacher ?? pictures[1])).abs().mean().item
      let result = try loss(teacher: teacher) { $0.teacher = 2 }
      #expect(abs(result.loss.item - 2 * expected) < 1e-5)
      #expect(abs(result.figures["l1_teacher"]! - expected) < 1e-5)
    }
  }

  /// Noise averages out; patterns that repeat every four or eight pixels do not, at any brightness.
  @Test func grid() throws {
    func grid(_ prediction: Tensor, _ truth: Tensor) throws -> Double {
      var settings = PictureLossSettings()
      (settings.l1, settings.grid) = (0, 1)
      return try PictureLoss(settings, gridPeriods: [4, 8], seed: 1, on: .cpu)(
        prediction, truth, teacher: nil, step: 1, random: UpdateRandom(seed: 1, step: 1)
      ).loss.item
    }
    func dots(every period: Int) -> Tensor {
      Tensor(
        (0..<64 * 64).map { Float($0 % period == 1 && $0 / 64 % period == 2 ? 0.16 : 0) },
        shape: [64, 64])
    }
    let truth = pictures[1]
    #expect(try grid(truth + 0.1, truth) < 1e-6)
    // One of 16 places stands out by 15/16 of the dot from the mean, the others by 1/16; in squares
    // of 8 pixels 4 of 64.
    let dense = 0.16 * 2 * 15 / 256
    #expect(abs(try grid(truth + 0.1 + dots(every: 4), truth) - 2 * dense) < 1e-5)
    // One of 64; squares of 4 pixels hold a quarter of a dot each.
    let sparse = 0.16 * 2 * 63 / 4096
    #expect(abs(try grid(truth + dots(every: 8), truth) - sparse - dense / 4) < 1e-5)
    let noise = Tensor.randn([2, 3, 64, 64], using: RandomGenerator(seed: 9)) * 0.05
    #expect(try grid(truth + noise, truth) < 2 * 0.05 / 8)
  }

  @Test(.enabled(if: MetricWeights.arePresent, "scripts/metric-weights was not run"))
  func perceptualTermComparesWithItsTarget() throws {
    let lpips = try LPIPS(.alex)
    for (target, picture) in [(Target.original, pictures[1]), (.teacher, pictures[2])] {
      let expected = lpips(pictures[0], picture).mean().item
      let result = try loss(teacher: pictures[2]) {
        $0.alex.weight = 0.5
        $0.alex.target = target
      }
      #expect(abs(result.loss.item - 0.5 * expected) < 1e-5)
    }
  }

  /// Another window and another zoom for every update; gradients reach the picture through both.
  @Test(.enabled(if: MetricWeights.arePresent, "scripts/metric-weights was not run"))
  func windowsAndZooms() throws {
    var settings = PerceptualLossSettings()
    settings.weight = 1
    settings.window = 48
    settings.zoom = 0.3
    let term = try PerceptualLoss(.alex, settings, on: .cpu)!
    let picture = pictures[0].cloned()
    picture.requiresGradient = true
    let values = (1...4).map {
      term(picture, pictures[1], UpdateRandom(seed: 1, step: $0)).distance
    }
    #expect(Set(values.map(\.item)).count == 4)
    try values[0].backward()
    // The pixels of the window, and no others.
    let reached = (picture.gradient!.abs().sum([0, 1]) .> 0).to(.float32).sum().item
    #expect(reached > 0.9 * 48 * 48 && reached <= 48 * 48)
  }
}
