import Foundation
import Imaging
import Settings
import Testing
import Torch

@testable import Degradations

@Suite struct GrainTests {
  private func flat(_ side: Int, _ level: Float = 0.5) -> FloatImage {
    FloatImage(width: side, height: side, channels: 3, repeating: level)
  }

  private func deviation(_ values: [Float]) -> Double {
    let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
    let squares = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    return (squares / Double(values.count)).squareRoot()
  }

  @Test func theSeedDecides() {
    let (grain, x) = (GrainDegradation(), picture(64, 48))
    var seen: Set<[Float]> = []
    for seed in 0..<8 as Range<UInt64> {
      let (first, second) = (
        grain.degrade(x, seed: seed, scale: 4), grain.degrade(x, seed: seed, scale: 4)
      )
      #expect(first.lowQuality == second.lowQuality && first.target == second.target)
      #expect(first.lowQuality.width == 12 && first.lowQuality.height == 16)
      #expect(first.target.width == 48 && first.target.height == 64)
      #expect(first.target.values.allSatisfy { $0 >= 0 && $0 <= 1 })
      #expect(
        first.lowQuality.values.allSatisfy {
          $0 >= 0 && $0 <= 1 && abs($0 * 255 - ($0 * 255).rounded()) < 1e-4
        })
      seen.insert(first.lowQuality.values)
    }
    #expect(seen.count == 8)
  }

  /// The noise of flat areas is that of the low-quality picture, reduced by interpolation: √0.814
  /// along each axis at scale 4.
  @Test(
    arguments: [
      DegradationNoise.gaussian(sigma: 6, gray: false), .gaussian(sigma: 20, gray: true),
      .poisson(scale: 0.05, gray: false),
    ])
  func grainIsThatOfTheInput(noise: DegradationNoise) {
    var sample = GrainSample(GrainConfiguration(), seed: 1, scale: 4)
    (sample.noise, sample.quality) = (noise, nil)
    let (low, target) = GrainDegradation().degrade(flat(256), sample, seed: 5, scale: 4)
    let (before, after) = (deviation(low.values), deviation(target.values))
    #expect(before > 5 / 255)
    #expect(abs(after / before - 0.814) < 0.03)
    // The same grain, place by place: shrunk again, it is that of the input.
    let shrunk = target.resized(toWidth: 64, height: 64, .area)
    let difference = zip(shrunk.values, low.values).map { $0 - $1 }
    #expect(deviation(difference) < 0.4 * before)
    if case .gaussian(_, gray: true) = noise {
      let area = 256 * 256
      #expect(
        largestDifference(
          Array(target.values[0..<area]), Array(target.values[area..<2 * area])) < 1e-6)
    }
  }

  /// JPEG affects only the input, defocus both.
  @Test func whatTheTargetShares() {
    let x = picture(64, 64)
    var sample = GrainSample(GrainConfiguration(), seed: 1, scale: 4)
    sample.noise = .gaussian(sigma: 0, gray: true)
    sample.quality = nil
    let plain = GrainDegradation().degrade(x, sample, seed: 1, scale: 4)
    var blurred = x.filtered(sample.kernel)
    blurred.clamp()
    #expect(largestDifference(plain.target.values, blurred.values) < 1e-6)
    sample.quality = 60
    let compressed = GrainDegradation().degrade(x, sample, seed: 1, scale: 4)
    #expect(compressed.target == plain.target && compressed.lowQuality != plain.lowQuality)
  }

  @Test func samplesFollowTheConfiguration() {
    let count = 2000
    let samples = (0..<UInt64(count)).map {
      GrainSample(GrainConfiguration(), seed: $0, scale: 4)
    }
    func share(_ condition: (GrainSample) -> Bool) -> Double {
      Double(samples.count(where: condition)) / Double(count)
    }
    #expect(abs(share { $0.quality != nil } - 0.5) < 0.05)
    #expect(abs(share { $0.shrinking == .area } - 0.5) < 0.05)
    #expect(abs(share { if case .poisson = $0.noise { true } else { false } } - 0.5) < 0.05)
    #expect(
      abs(share { if case .gaussian(_, true) = $0.noise { true } else { false } } - 0.2) < 0.05)
    for sample in samples {
      #expect(sample.quality.map { (60...95).contains($0) } ?? true)
      if case .gaussian(let sigma, _) = sample.noise { #expect((0...25).contains(sigma)) }
      #expect(abs(sample.kernel.values.reduce(0, +) - 1) < 1e-9)
    }
  }

  /// The standard deviation of a disk is half of its radius.
  @Test(arguments: [4.0, 7.5, 12])
  func disks(radius: Double) {
    let disk = BlurKernel.disk(radius: radius)
    var variance = 0.0
    for (i, value) in disk.values.enumerated() {
      let x = Double(i % disk.size - disk.size / 2)
      variance += value * x * x
    }
    #expect(abs(variance.squareRoot() - radius / 2) < 0.03 * radius)
  }

  @Test func impossibleRangesAreNamed() {
    func problem(_ change: (inout GrainConfiguration) -> Void) -> String {
      var configuration = GrainConfiguration()
      change(&configuration)
      do {
        try configuration.validate(SettingsCheck("grain"))
        return ""
      } catch { return "\(error)" }
    }
    #expect(problem { _ in } == "")
    #expect(problem { $0.defocus = [0, 1] }.contains("'grain.defocus.0' is 0; "))
    #expect(problem { $0.noise = [9, 3] }.contains("'grain.noise' is [9.0, 3.0]; expected"))
    #expect(problem { $0.jpeg = [60] }.contains("'grain.jpeg' has 1 elements"))
    #expect(problem { $0.jpegProbability = 2 }.contains("'grain.jpegProbability' is 2; "))
  }
}
