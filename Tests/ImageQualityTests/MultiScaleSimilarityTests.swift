import Foundation
import Testing
import Torch

@testable import ImageQuality

@Suite struct MultiScaleSimilarityTests {
  /// A smooth picture with some texture in [0.2, 0.8].
  private func picture(_ seed: UInt64, _ height: Int, _ width: Int) -> Tensor {
    let random = RandomGenerator(seed: seed)
    let coarse = Tensor.rand([2, 3, height / 8 + 1, width / 8 + 1], using: random)
    return coarse.resized(height, width, .bilinear) * 0.6 + 0.2
  }

  @Test(arguments: [(161, 176), (170, 163)])
  func identityAndSymmetry(height: Int, width: Int) {
    let (x, y) = (picture(1, height, width), picture(2, height, width))
    for value in multiScaleStructuralSimilarity(x, x) { #expect(abs(value - 1) < 1e-12) }
    let values = multiScaleStructuralSimilarity(x, y)
    #expect(values == multiScaleStructuralSimilarity(y, x))
    #expect(values.count == 2 && values.allSatisfy { $0 >= 0 && $0 < 0.9 })
  }

  @Test func fallsWithNoise() {
    let x = picture(3, 176, 176)
    let noise = Tensor.randn([2, 3, 176, 176], using: RandomGenerator(seed: 4))
    var last = [1.0, 1.0]
    for strength in [0.02, 0.05, 0.1, 0.2] {
      let values = multiScaleStructuralSimilarity(x, x + noise * strength)
      #expect(zip(values, last).allSatisfy { $0 < $1 })
      last = values
    }
  }

  /// A negative correlation has no real power.
  @Test func aNegativePictureIsNotSimilar() {
    let x = picture(5, 168, 168)
    #expect(multiScaleStructuralSimilarity(x, 1 - x).allSatisfy { $0 == 0 })
  }

  @Test func bordersAreLeftOut() {
    let x = picture(6, 176, 176)
    let y = x.cloned()
    y.narrowed(2, from: 0, count: 4).copyInPlace(Tensor.zeros([2, 3, 4, 176]))
    for value in multiScaleStructuralSimilarity(x, y, border: 4) { #expect(abs(value - 1) < 1e-12) }
    #expect(multiScaleStructuralSimilarity(x, y, border: 3).allSatisfy { $0 < 1 })
  }

  @Test func halvingRepeatsTheLastOfOddSizes() {
    let x = Tensor([1, 3, 10, 5, 7, 20] as [Double], shape: [1, 1, 2, 3])
    #expect(halvedByMeans(x).values(Double.self) == [4, 15])
  }
}
