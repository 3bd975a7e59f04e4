import Foundation
import Testing
import Torch

@testable import ImageQuality

private let hasWeights =
  Calibration.hasWeights("vgg16.safetensors") && Calibration.hasWeights("dists.safetensors")

@Suite(.enabled(if: hasWeights, "scripts/metric-weights was not run"))
struct StructureTextureDistanceTests {
  @Test func isADistance() throws {
    let dists = try DISTS()
    let random = RandomGenerator(seed: 1)
    let (x, y) = (
      Tensor.rand([2, 3, 33, 48], using: random),
      Tensor.rand([2, 3, 33, 48], using: random) * 0.5
    )
    #expect(dists(x, x).floats == [0, 0])
    let d = dists(x, y)
    #expect(d.shape == [2] && d.floats.allSatisfy { $0 > 0.01 && $0 < 1 })
    #expect(zip(d.floats, dists(y, x).floats).allSatisfy { abs($0 - $1) < 1e-6 })
    let second = dists(x.narrowed(0, from: 1, count: 1), y.narrowed(0, from: 1, count: 1))
    #expect(abs(second.item - d.values(Double.self)[1]) < 1e-5)
  }

  @Test func growsWithNoise() throws {
    let dists = try DISTS()
    let random = RandomGenerator(seed: 2)
    let x = Tensor.rand([1, 3, 9, 9], using: random).resized(64, 64, .bilinear) * 0.6 + 0.2
    let noise = Tensor.randn([1, 3, 64, 64], using: random)
    var last = 0.0
    for strength in [0.02, 0.05, 0.1, 0.2] {
      let value = withoutGradients { dists(x, x + noise * strength).item }
      #expect(value > last)
      last = value
    }
  }

  /// The sum of dissimilarities is one minus the sum of similarities that the paper defines.
  @Test func distanceIsTheDefinition() throws {
    let dists = try DISTS(dtype: .float64)
    let random = RandomGenerator(seed: 3)
    let (x, y) = (
      Tensor.rand([1, 3, 32, 40], using: random).to(.float64),
      Tensor.rand([1, 3, 32, 40], using: random).to(.float64)
    )
    var similarity = 0.0
    for (stage, (a, b)) in zip(dists.features(x), dists.features(y)).enumerated() {
      let (μa, μb) = (a.mean([2, 3]), b.mean([2, 3]))
      let covariance = (a * b).mean([2, 3]) - μa * μb
      let variances =
        a.square().mean([2, 3]) - μa.square() + b.square().mean([2, 3]) - μb.square()
      let texture = (2 * μa * μb + 1e-6) / (μa.square() + μb.square() + 1e-6)
      let structure = (2 * covariance + 1e-6) / (variances + 1e-6)
      similarity +=
        (dists.texture[stage] * texture + dists.structure[stage] * structure).sum().item
    }
    #expect(abs((dists.texture + dists.structure).map { $0.sum().item }.reduce(0, +) - 1) < 1e-12)
    #expect(abs(dists(x, y).item - (1 - similarity)) < 1e-9)
  }

  /// The derivative along a direction against a central difference, and finite on a flat picture.
  @Test func gradient() throws {
    let dists = try DISTS(dtype: .float64)
    let random = RandomGenerator(seed: 4)
    let x = Tensor.rand([1, 3, 32, 32], using: random).to(.float64)
    let (y, direction) = (
      (x * 0.5).detached(), Tensor.randn([1, 3, 32, 32], using: random).to(.float64)
    )
    x.requiresGradient = true
    try dists(x, y).sum().backward()
    let slope = (x.gradient! * direction).sum().item
    let (base, step) = (x.detached(), 1e-6)
    let difference = withoutGradients {
      (dists(base + direction * step, y) - dists(base - direction * step, y)).sum().item
        / (2 * step)
    }
    #expect(abs(slope - difference) <= 1e-4 * abs(difference))

    let flat = Tensor.zeros([1, 3, 32, 32])
    flat.requiresGradient = true
    try dists(flat, y).sum().backward()
    #expect(flat.gradient!.floats.allSatisfy { $0.isFinite })
  }
}

@Suite struct StructureTextureWeightsTests {
  @Test func missingWeightsAreNamed() {
    let error = #expect(throws: ImageQualityError.self) {
      try DISTS(weights: URL(fileURLWithPath: "/nowhere"))
    }
    #expect(error?.description.contains("/nowhere/") == true)
    #expect(error?.description.contains("scripts/metric-weights") == true)
  }
}
