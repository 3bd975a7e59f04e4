import Foundation
import Imaging
import Testing
import Torch

@testable import Degradations

/// Each fast stage against its tensor form.
@Suite struct StageTests {
  @Test(arguments: [(40, 33), (64, 64), (70, 97)])
  func filtersAgree(height: Int, width: Int) {
    let x = picture(height, width)
    for kernel in [
      BlurKernel.gaussian(size: 21, .isotropic(2.3)), .gaussian(size: 7, .isotropic(0.2)),
      .gaussian(size: 15, BlurKernel.Shape(sigmaX: 2.5, sigmaY: 0.6, angle: 0.7)),
      .plateau(size: 19, .isotropic(1.2), beta: 1.5), .sinc(size: 21, cutoff: 1.1),
      .pulse(size: 21),
      .sinc(size: 9, cutoff: 2).padded(to: 21),
    ] {
      let reference = filter2D(x.tensor.unsqueezed(0), kernel).floats
      #expect(largestDifference(x.filtered(kernel).values, reference) < 1e-5)
    }
  }

  @Test func sharpeningAgrees() {
    let x = picture(60, 53)
    let reference = UnsharpMask()(x.tensor.unsqueezed(0)).floats
    #expect(largestDifference(UnsharpMask()(x).values, reference) < 1e-5)
  }

  @Test(arguments: [5.0, 30, 50, 77.5, 95])
  func compressionAgrees(quality: Double) {
    let x = picture(50, 37)
    for rounding in [JPEGSimulation.Rounding.nearest, .cubic] {
      let jpeg = JPEGSimulation(rounding: rounding)
      let reference = jpeg(x.tensor.unsqueezed(0), quality: quality).floats
      let fast = jpeg(x, quality: quality).values
      // A coefficient on the boundary between two integers may go either way: at most a block of
      // pixels.
      let off = zip(reference, fast).filter { abs($0 - $1) > 1e-4 }.count
      #expect(off <= 64 * 3)
    }
  }

  @Test(arguments: DegradationInterpolation.allCases)
  func resizingAgrees(mode: DegradationInterpolation) {
    let x = picture(41, 64)
    let tensor = x.tensor.unsqueezed(0)
    let interpolation = Tensor.Interpolation(rawValue: mode.rawValue)!
    for (height, width) in [(20, 32), (13, 9), (41, 64), (60, 96), (1, 1), (90, 17)] {
      let reference = tensor.resized(height, width, interpolation).floats
      #expect(largestDifference(x.resized(height, width, mode).values, reference) < 2e-5)
    }
    for factor in [0.15, 0.37, 0.5, 0.93, 1.29, 1.5] {
      let (height, width) = (Int(41 * factor), Int(64 * factor))
      let reference = tensor.resized(height, width, interpolation, factors: (factor, factor)).floats
      let fast = x.resized(height, width, mode, factor: factor).values
      #expect(largestDifference(fast, reference) < 5e-5)
    }
  }

  @Test func smallPicturesHaveBorders() {
    let x = picture(3, 2).filtered(.gaussian(size: 21, .isotropic(3)))
    #expect(x.values.allSatisfy { $0 >= 0 && $0 <= 1 })
    #expect([-1, -2, -3, -4, 2, 3, 4, 5].map { reflected($0, 3) } == [1, 2, 1, 0, 2, 1, 0, 1])
  }

  @Test func kernelsSumToOne() {
    for kernel in [
      BlurKernel.gaussian(size: 9, .isotropic(0.2)), .sinc(size: 7, cutoff: .pi / 3),
      .generalizedGaussian(size: 21, .isotropic(3), beta: 4),
      .plateau(size: 7, .isotropic(1), beta: 2),
    ] {
      #expect(abs(kernel.values.reduce(0, +) - 1) < 1e-12)
    }
  }

  @Test func noiseHasItsMoments() {
    var random = RandomStream(seed: 3, stream: 9)
    var (sum, square, fourth, beyond) = (0.0, 0.0, 0.0, 0)
    let count = 200_000
    for _ in 0..<count {
      let x = random.normal(.shared)
      sum += x
      square += x * x
      fourth += x * x * x * x
      if abs(x) > 3.5 { beyond += 1 }
    }
    #expect(abs(sum / Double(count)) < 0.01)
    #expect(abs(square / Double(count) - 1) < 0.02)
    #expect(abs(fourth / Double(count) - 3) < 0.12)
    #expect((60...130).contains(beyond))  // expected 93
    for mean in [0.0, 0.3, 4, 60, 256] {
      let tables = PoissonTables(means: [7, mean])
      let samples = (0..<20_000).map { _ in Double(tables.sample(1, &random)) }
      let average = samples.reduce(0, +) / 20_000
      let variance = samples.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 20_000
      #expect(abs(average - mean) <= 0.03 * mean.squareRoot())
      #expect(abs(variance - mean) <= 0.06 * mean)
    }
  }

  @Test func poissonNoiseOfAFlatPicture() {
    var x = FloatImage(
      width: 64, height: 64, channels: 3, values: Array(repeating: 0.5, count: 3 * 64 * 64))
    var random = RandomStream(seed: 1, stream: 1)
    x.add(.poisson(scale: 0.1, gray: true), &random)
    #expect(x.values[0..<4096] == x.values[4096..<8192])
    // One distinct value: v = 1, so samples are whole numbers and noise is their tenth.
    let level = Float(128) / 255
    let allowed = (0...12).map { level + 0.1 * (Float($0) - level) }
    #expect(
      x.values.allSatisfy { value in allowed.contains { abs(min(max($0, 0), 1) - value) < 1e-5 } })
  }
}
