import ImageQuality
import Imaging
import Testing

@testable import Video

@Suite struct FlickerMeterTests {
  private func measure(step: Int, noise: Float, sameNoise: Bool = false) -> FlickerMeter.Result {
    var meter = FlickerMeter(videoCount: 1, width: 96, height: 64)
    for t in 0..<25 {
      let clean = texture(96, 64, x: step * t)
      var damaged = noisy(clean, noise, seed: sameNoise ? 1 : 50 + UInt64(t))
      // Grey noise, whose luma has the same deviation as its channels.
      let area = 96 * 64
      for i in 0..<area {
        let d = damaged.values[i] - clean.values[i]
        for c in 0..<3 { damaged.values[c * area + i] = clean.values[c * area + i] + d }
      }
      meter.add(Luma(clean).values, [Luma(damaged).values])
    }
    return meter.results[0]
  }

  /// Noise of deviation σ in every frame: differences have √2 σ, whose mean absolute value is 2 σ /
  /// √π; the fidelity is −20 log σ.
  @Test func noiseIsWhatIsMeasured() throws {
    let still = measure(step: 0, noise: 0.02)
    #expect(abs(still.peakSignalToNoise - 33.98) < 0.1)
    #expect(abs(try #require(still.flicker) - 255 * 0.02 * 1.1284) < 0.1)
    // The variance of n values about their own mean is σ² (n − 1) / n.
    #expect(abs(try #require(still.stillDeviation) - 255 * 0.02 * (24.0 / 25).squareRoot()) < 0.1)
    let moving = measure(step: 2, noise: 0.02)
    #expect(abs(try #require(moving.flicker) - 255 * 0.02 * 1.1284) < 0.2)
    #expect(moving.stillDeviation ?? 0 < 6)
  }

  @Test func whatStaysDoesNotFlicker() throws {
    let still = measure(step: 0, noise: 0.02, sameNoise: true)
    #expect(still.flicker == 0 && still.stillDeviation == 0)
    #expect(try #require(measure(step: 2, noise: 0).flicker) < 0.1)
  }
}
