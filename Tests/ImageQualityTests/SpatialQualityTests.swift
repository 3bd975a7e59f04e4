import Foundation
import Testing
import Torch

@testable import ImageQuality

@Suite struct SpatialQualityTests {
  private func picture(_ seed: UInt64, _ height: Int, _ width: Int) -> Tensor {
    let random = RandomGenerator(seed: seed)
    let coarse = Tensor.rand([1, 3, height / 4 + 1, width / 4 + 1], using: random)
    let fine = Tensor.rand([1, 3, height, width], using: random)
    return (coarse.resized(height, width, .bilinear) * 0.8 + fine * 0.2).squeezed(0)
  }

  @Test(
    .enabled(
      if: Calibration.hasWeights("brisque.safetensors"), "scripts/metric-weights was not run"))
  func growsWithNoise() throws {
    let brisque = try BRISQUE()
    let x = try Calibration.pictures("face.bmp", "face.bmp", Calibration.samples)
      .reference.squeezed(0)
    let noise = Tensor.randn(x.shape, using: RandomGenerator(seed: 1))
    var last = try brisque(x)
    for strength in [0.05, 0.1, 0.2] {
      let value = try brisque((x + noise * strength).clamped(min: 0, max: 1))
      #expect(value > last)
      last = value
    }
  }

  /// Turning a picture around exchanges the diagonals and nothing else.
  @Test(arguments: [(32, 48), (45, 64)])
  func mirroredPicturesHaveTheSameFeatures(height: Int, width: Int) throws {
    let x = picture(2, height, width)
    let features = try BRISQUE.features(x)
    var mirrored = try BRISQUE.features(x.flipped([1]))
    #expect(features.count == 36)
    for scale in 0...1 where scale == 0 || height % 2 == 0 {
      let diagonals = 18 * scale + 10
      let main = mirrored[diagonals..<diagonals + 4]
      mirrored[diagonals..<diagonals + 4] = mirrored[diagonals + 4..<diagonals + 8]
      mirrored[diagonals + 4..<diagonals + 8] = main
      for i in 18 * scale..<18 * scale + 18 {
        // Shapes come in steps of 0.001.
        #expect(abs(features[i] - mirrored[i]) < 0.002)
      }
    }
  }

  @Test func bordersAreLeftOut() throws {
    let x = picture(3, 48, 48)
    let y = x.cloned()
    y.narrowed(1, from: 0, count: 8).copyInPlace(Tensor.zeros([3, 8, 48]))
    #expect(try BRISQUE.features(x, border: 8) == BRISQUE.features(y, border: 8))
    #expect(try BRISQUE.features(x, border: 7) != BRISQUE.features(y, border: 7))
  }

  /// Mean squares and shape of a known Gaussian, which fill the first two features.
  @Test func featuresOfNormalValues() {
    var plane = GrayPlane(height: 200, width: 200)
    plane.values = Tensor.randn([40_000], using: RandomGenerator(seed: 4)).values(Double.self)
    let features = plane.spatialQualityFeatures()
    #expect(abs(features[0] - 2) < 0.1 && abs(features[1] - 1) < 0.03)
    for i in [2, 6, 10, 14] {
      // Independent neighbours: products of mean 0 whose two sides are alike, with mean square 1.
      #expect(abs(features[i + 1]) < 0.05)
      #expect(abs(features[i + 2] - 1) < 0.1 && abs(features[i + 3] - 1) < 0.1)
    }
  }

  @Test func badInputIsRefused() {
    for shape in [[3, 31, 64], [3, 64, 31], [1, 64, 64]] {
      let error = #expect(throws: ImageQualityError.self) {
        try BRISQUE.features(Tensor.zeros(shape))
      }
      #expect(error?.description.contains("32 x 32") == true)
    }
    #expect(throws: ImageQualityError.self) {
      try BRISQUE.features(Tensor.zeros([3, 48, 48]), border: 9)
    }
    #expect(throws: ImageQualityError.self) {
      try BRISQUE.features(Tensor.zeros([3, 48, 48]) + 0.5)
    }
  }

  @Test func missingWeightsAreNamed() {
    let error = #expect(throws: ImageQualityError.self) {
      try BRISQUE(weights: URL(fileURLWithPath: "/nowhere"))
    }
    #expect(error?.description.contains("/nowhere/brisque.safetensors") == true)
    #expect(error?.description.contains("scripts/metric-weights") == true)
  }
}
