import Testing
import Torch

@testable import ImageQuality

@Suite struct GridPatternTests {
  /// Smooth waves and noise, like those of a photo, on the 8-bit grid.
  private func picture(noise: Double) -> Tensor {
    let y = Tensor.range(192).to(.float64).unsqueezed(1)
    let x = Tensor.range(256).to(.float64)
    let waves =
      (y * 0.11 + x * 0.07).sin() * 0.2 + (x * 0.31 - y * 0.05).cos() * 0.1 + 0.5
    let random = RandomGenerator(seed: 5)
    let grey = waves + Tensor.randn([192, 256], using: random).to(.float64) * noise
    return rounded(.stacked([grey, grey, grey]))
  }

  private func rounded(_ x: Tensor) -> Tensor {
    (x.clamped(min: 0, max: 1) * 255).rounded() * (1 / 255)
  }

  @Test(arguments: [0, 0.01, 0.1]) func picturesWithoutAPattern(noise: Double) {
    for (_, strength) in GridPattern.strengths(picture(noise: noise)) { #expect(strength < 6) }
  }

  /// Dots of twice as many levels as the period has pixels, at every second, fourth or eighth pixel
  /// of every second, fourth or eighth row.
  @Test(arguments: [2, 4, 8]) func dotsAreFoundAtTheirPeriod(period: Int) {
    let x = picture(noise: 0.01)
    var dots = [Float](repeating: 0, count: 192 * 256)
    for row in stride(from: 1, to: 192, by: period) {
      for column in stride(from: 1, to: 256, by: period) {
        dots[row * 256 + column] = Float(2 * period) / 255
      }
    }
    let strengths = GridPattern.strengths(
      rounded(x + Tensor(dots, shape: [192, 256]).to(.float64)))
    #expect(strengths[period]! > 8)
    for longer in strengths.keys where longer > period { #expect(strengths[longer]! < 6) }
  }
}
