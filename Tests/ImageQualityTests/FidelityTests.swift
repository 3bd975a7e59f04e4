import Foundation
import Testing
import Torch

@testable import ImageQuality

@Suite struct FidelityTests {
  private func picture(_ seed: UInt64, _ shape: [Int] = [2, 3, 24, 20]) -> Tensor {
    let random = RandomGenerator(seed: seed)
    return Tensor.rand(shape, using: random)
  }

  @Test func noiseRatioOfAKnownError() {
    let x = picture(1) * 0.5
    #expect(peakSignalToNoise(x, x, .rgb).allSatisfy { $0 == .infinity })
    for value in peakSignalToNoise(x, x + 0.1, .rgb) { #expect(abs(value - 20) < 1e-4) }
    // Y of studio range: an error of 0.1 in every channel is 21.9 levels of 255.
    let expected = 20 * log10(255 / 21.9)
    for value in peakSignalToNoise(x, x + 0.1) { #expect(abs(value - expected) < 1e-4) }
  }

  @Test func bordersAreLeftOut() {
    let x = picture(2)
    let y = x.padded([0, 0, 0, 0]).cloned()
    y.narrowed(2, from: 0, count: 3).copyInPlace(Tensor.zeros([2, 3, 3, 20]))
    #expect(peakSignalToNoise(x, y, border: 3).allSatisfy { $0 == .infinity })
    #expect(peakSignalToNoise(x, y, border: 2).allSatisfy { $0 < 40 })
    for value in structuralSimilarity(x, y, border: 3) { #expect(abs(value - 1) < 1e-12) }
  }

  /// Against the definition, window by window.
  @Test func similarityIsTheDefinition() {
    let (x, y) = (picture(3, [1, 3, 14, 13]), picture(4, [1, 3, 14, 13]))
    let (a, b) = ((x * 255).values(Double.self), (y * 255).values(Double.self))
    var total = 0.0
    for channel in 0..<3 {
      for top in 0..<4 {
        for left in 0..<3 {
          var (w, ma, mb, aa, bb, ab) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
          for dy in 0..<11 {
            for dx in 0..<11 {
              let g = exp(-Double((dy - 5) * (dy - 5) + (dx - 5) * (dx - 5)) / 4.5)
              let i = (channel * 14 + top + dy) * 13 + left + dx
              w += g
              ma += g * a[i]
              mb += g * b[i]
              aa += g * a[i] * a[i]
              bb += g * b[i] * b[i]
              ab += g * a[i] * b[i]
            }
          }
          (ma, mb, aa, bb, ab) = (ma / w, mb / w, aa / w, bb / w, ab / w)
          let (va, vb, vab) = (aa - ma * ma, bb - mb * mb, ab - ma * mb)
          total +=
            (2 * ma * mb + 6.5025) * (2 * vab + 58.5225)
            / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225))
        }
      }
    }
    #expect(abs(structuralSimilarity(x, y, .rgb)[0] - total / 36) < 1e-6)
    #expect(abs(structuralSimilarity(x, x, .rgb)[0] - 1) < 1e-12)
    #expect(structuralSimilarity(x, y)[0] == structuralSimilarity(y, x)[0])
  }
}
