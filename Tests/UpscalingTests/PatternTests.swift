import ImageQuality
import Imaging
import NSARM
import SuperResolution
import TestSupport
import Testing
import Torch

/// The shipped model leaves no pattern with the period of its pixel-shuffle, nor with that of the
/// code's cells of 8 pixels.
@Suite(.ownThreads) struct PatternTests {
  private func check(_ name: String, _ input: Tensor) throws {
    let resolver = try SuperResolver(try ModelFolder(TilingTests.shipped!).load(.float32))
    let output = (try resolver.upscaled(input) + 1) * 127.5
    let strengths = GridPattern.strengths(output.rounded() * (1 / 255))
    print("grid pattern, \(name):", strengths.sorted { $0.key < $1.key })
    for (period, strength) in strengths {
      #expect(strength < 10, "period \(period)")
    }
  }

  /// A sky: two colours that turn into each other, with a little noise.
  @Test func flatArea() throws {
    let x = (Tensor.range(96).to(.float32) * (1 / 96)).expanded([96, 96])
    let planes = Tensor.stacked([x * 0.1 + 0.3, x * 0.1 + 0.45, x * -0.1 + 0.8])
    let noise = Tensor.randn([3, 96, 96], using: RandomGenerator(seed: 1)) * 0.004
    try check("flat area", (planes + noise).signed)
  }

  @Test func texturedArea() throws {
    let planes = try TilingTests.photo()
    try check("texture", planes.tensor.signed)
  }
}
