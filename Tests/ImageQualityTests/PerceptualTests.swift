import Foundation
import Testing
import Torch

@testable import ImageQuality

private let hasNetworks =
  Calibration.hasWeights("alexnet.safetensors") && Calibration.hasWeights("vgg16.safetensors")

@Suite(.enabled(if: hasNetworks, "scripts/metric-weights was not run"))
struct PerceptualDistanceTests {
  @Test(arguments: LPIPS.Network.allCases)
  func isADistance(network: LPIPS.Network) throws {
    let lpips = try LPIPS(network)
    let random = RandomGenerator(seed: 1)
    let (x, y) = (
      Tensor.rand([2, 3, 48, 64], using: random) * 2 - 1,
      Tensor.rand([2, 3, 48, 64], using: random) * 2 - 1
    )
    #expect(lpips(x, x).floats == [0, 0])
    let d = lpips(x, y)
    #expect(d.shape == [2] && d.floats.allSatisfy { $0 > 0.01 })
    #expect(d.floats == lpips(y, x).floats)
    let first = lpips(x.narrowed(0, from: 1, count: 1), y.narrowed(0, from: 1, count: 1))
    #expect(abs(first.item - d.values(Double.self)[1]) < 1e-5)
  }

  /// The derivative along a direction against a central difference, and finite where features
  /// vanish.
  @Test(arguments: LPIPS.Network.allCases)
  func gradient(network: LPIPS.Network) throws {
    let lpips = try LPIPS(network, dtype: .float64)
    let random = RandomGenerator(seed: 2)
    let x = Tensor.rand([1, 3, 40, 40], using: random).to(.float64) * 2 - 1
    let (y, direction) = (
      (x * 0.5).detached(), Tensor.randn([1, 3, 40, 40], using: random).to(.float64)
    )
    x.requiresGradient = true
    try lpips(x, y).sum().backward()
    let slope = (x.gradient! * direction).sum().item
    let step = 1e-6
    let base = x.detached()
    let difference = withoutGradients {
      (lpips(base + direction * step, y) - lpips(base - direction * step, y)).sum().item
        / (2 * step)
    }
    #expect(abs(slope - difference) <= 1e-4 * abs(difference))

    let flat = Tensor.zeros([1, 3, 40, 40])
    flat.requiresGradient = true
    try lpips(flat, y).sum().backward()
    #expect(flat.gradient!.floats.allSatisfy { $0.isFinite })
  }

  @Test func missingWeightsAreNamed() {
    let error = #expect(throws: ImageQualityError.self) {
      try LPIPS(.alex, weights: URL(fileURLWithPath: "/nowhere"))
    }
    #expect(error?.description.contains("/nowhere/alexnet.safetensors") == true)
    #expect(error?.description.contains("scripts/metric-weights") == true)
  }
}

@Suite struct NaturalnessTests {
  /// Samples of a known generalised Gaussian give its parameters back.
  @Test func fitRecoversAGaussian() {
    let random = RandomGenerator(seed: 5)
    // Two halves of normals with σ 2 and 1, continuous at 0: twice as many samples on the wide
    // side.
    let x = Tensor.randn([45_000], using: random).values(Double.self).enumerated().map { i, x in
      i % 3 == 0 ? abs(x) : -2 * abs(x)
    }
    let fit = AsymmetricGaussian(x)
    #expect(abs(fit.shape - 2) < 0.1)
    #expect(abs(fit.left / fit.right - 2) < 0.05 && abs(fit.right - 2.0.squareRoot()) < 0.05)
  }

  @Test func halvingKeepsConstantsAndRamps() {
    var plane = GrayPlane(height: 16, width: 24)
    for y in 0..<16 {
      for x in 0..<24 { plane[y, x] = 3 + 2 * Double(x) }
    }
    let half = plane.halved()
    #expect(half.height == 8 && half.width == 12)
    for x in 2..<10 { #expect(abs(half[4, x] - (3 + 2 * (2 * Double(x) + 0.5))) < 1e-9) }
  }
}
