import Foundation
import Imaging
import Settings
import Testing
import Torch

@testable import Degradations

@Suite struct PipelineTests {
  @Test func theSeedDecides() async {
    let (pipeline, x) = (DegradationPipeline(), picture(64, 64))
    let results = await withTaskGroup(of: (UInt64, [Float]).self) { group in
      for index in 0..<8 {
        group.addTask {
          let seed = UInt64(index % 4)
          return (seed, pipeline.degrade(x, seed: seed, scale: 4).values)
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    for (seed, result) in results {
      #expect(result == pipeline.degrade(x, seed: seed, scale: 4).values)
    }
    #expect(Set(results.map(\.1)).count == 4)
  }

  @Test(arguments: [(64, 64, 4), (50, 37, 4), (48, 80, 2), (9, 8, 4), (33, 33, 1)])
  func sizesAndRange(height: Int, width: Int, scale: Int) {
    let x = picture(height, width)
    for configuration in [DegradationConfiguration(), .light] {
      let pipeline = DegradationPipeline(configuration)
      for seed in 0..<6 as Range<UInt64> {
        let low = pipeline.degrade(x, seed: seed, scale: scale)
        #expect(low.height == height / scale && low.width == width / scale)
        for value in low.values {
          #expect(value >= 0 && value <= 1 && abs(value * 255 - (value * 255).rounded()) < 1e-4)
        }
      }
    }
  }

  @Test func sampledModesFollowTheProbabilities() {
    let count = 4000
    let samples = (0..<UInt64(count)).map {
      DegradationSample(DegradationConfiguration(), seed: $0)
    }
    func share(_ condition: (DegradationSample) -> Bool) -> Double {
      Double(samples.filter(condition).count) / Double(count)
    }
    func expect(
      _ probability: Double, at location: SourceLocation = #_sourceLocation,
      _ condition: (DegradationSample) -> Bool
    ) {
      let spread = (probability * (1 - probability) / Double(count)).squareRoot()
      #expect(abs(share(condition) - probability) < 4.5 * spread, sourceLocation: location)
    }
    let kinds: [(BlurKernelKind, Double)] = [
      (.isotropic, 0.45), (.anisotropic, 0.25), (.generalizedIsotropic, 0.12),
      (.generalizedAnisotropic, 0.03), (.plateauIsotropic, 0.12), (.plateauAnisotropic, 0.03),
    ]
    for (kind, probability) in kinds { expect(0.9 * probability) { $0.first.blur?.kind == kind } }
    expect(0.1) { $0.first.blur?.kind == .sinc }
    expect(0.2) { $0.second?.blur == nil }
    expect(0.2) { $0.first.factor > 1 }
    expect(0.7) { $0.first.factor < 1 }
    expect(0.3) { ($0.second?.factor ?? 0) == 1 }
    expect(0.8) { $0.sinc != nil }
    expect(0.5) { $0.compressesFirst }
    expect(1.0 / 3) { $0.interpolation == .bicubic }
    expect(0.5) { if case .gaussian = $0.first.noise { true } else { false } }
    expect(0.2) { if case .poisson(_, gray: true) = $0.first.noise { true } else { false } }
    for size in stride(from: 7, through: 21, by: 2) {
      expect(1.0 / 8) { $0.first.blur?.size == size }
    }
    for sample in samples {
      #expect(
        (0.15...1.5).contains(sample.first.factor) && (30...95).contains(sample.first.quality))
      if let blur = sample.first.blur {
        #expect((0.2...3).contains(blur.shape.sigmaX) || blur.kind == .sinc)
        #expect((0.5...4).contains(blur.beta) && blur.cutoff >= .pi / 5 && blur.cutoff <= .pi)
      }
    }
  }

  @Test func lightIsOneMildRound() {
    var noisy = 0
    for seed in 0..<2000 as Range<UInt64> {
      let sample = DegradationSample(.light, seed: seed)
      #expect(sample.second == nil && sample.sinc == nil)
      #expect((60...95).contains(sample.first.quality) && (0.5...1.5).contains(sample.first.factor))
      if case .gaussian(let sigma, _) = sample.first.noise { #expect((1...20).contains(sigma)) }
      if sample.first.noise != nil { noisy += 1 }
    }
    #expect((500...700).contains(noisy))
  }

  @Test func configurationsAreCoded() throws {
    for configuration in [DegradationConfiguration(), .light] {
      let data = try JSONEncoder().encode(configuration)
      #expect(try JSONDecoder().decode(DegradationConfiguration.self, from: data) == configuration)
    }
    func decode(_ text: String) throws -> DegradationConfiguration {
      try JSONDecoder().decode(DegradationConfiguration.self, from: Data(text.utf8))
    }
    #expect(try decode("{}") == DegradationConfiguration())
    let changed = try decode(
      #"{"blur_sigma": [0.1, 2], "jpeg_range2": [50, 90], "second_blur_prob": 0.5}"#)
    #expect(changed.first.blurSigma == 0.1...2 && changed.second?.jpegRange == 50...90)
    #expect(changed.second?.blurProbability == 0.5 && changed.second?.blurSigma == 0.2...1.5)
    for wrong in [
      #"{"blur_sigmas": [0.1, 2]}"#, #"{"resize_range": [2, 1]}"#, #"{"sinc_prob": 1.5}"#,
      #"{"kernel_prob": [1, 0]}"#, #"{"jpeg_range": [30, 100]}"#, #"{"blur_kernel_size": 8}"#,
    ] {
      #expect(throws: ConfigurationError.self) { try decode(wrong) }
    }
  }
}
