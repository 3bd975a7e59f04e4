import Foundation
import ImageQuality
import Imaging
import Testing
import Torch

@testable import Evaluation

@Suite struct MetricSuiteTests {
  /// A metric without weights reports how to get them, and the others still run.
  @Test func missingWeights() throws {
    let suite = try MetricSuite.plain()
    // CER is available where tesseract is installed.
    let metrics = suite.metrics.filter { $0 != .characterErrorRate }
    #expect(metrics == [.psnrY, .psnrRGB, .ssimY, .ssimRGB, .msSSIM, .grain, .noise])
    let unavailable = suite.unavailable.filter { $0.title != "CER" }
    #expect(
      unavailable.map(\.title) == [
        "LPIPS-Alex", "LPIPS-VGG", "DISTS", "NIQE", "BRISQUE", "MUSIQ", "MANIQA", "CLIPIQA",
        "TOPIQ",
      ])
    #expect(unavailable[3].reason.contains("scripts/metric-weights"))
    let image = waves(180, 170)
    let scores = suite.scores(waves(180, 170, shift: 1), suite.reference(image))
    let flat: Set<Metric> = [.grain, .noise]
    #expect(Set(scores.keys) == Set(metrics).subtracting(flat), "no text, and nothing flat")
    #expect(suite.scores(image, nil).isEmpty)
  }

  @Test func scoresAreThoseOfImageQuality() throws {
    let suite = try MetricSuite.plain(border: 4)
    let (a, b) = (waves(64, 48), waves(64, 48, shift: 2))
    func tensor(_ image: Image) -> Tensor {
      image.planes().tensor.unsqueezed(0)
    }
    let scores = suite.scores(b, suite.reference(a))
    #expect(scores[.psnrY] == peakSignalToNoise(tensor(b), tensor(a), .luma, border: 4)[0])
    #expect(scores[.psnrRGB] == peakSignalToNoise(tensor(b), tensor(a), .rgb, border: 4)[0])
    #expect(scores[.ssimRGB] == structuralSimilarity(tensor(b), tensor(a), .rgb, border: 4)[0])
    #expect(scores[.msSSIM] == nil, "too small for five scales")
    #expect(suite.scores(a, suite.reference(a))[.psnrY] == .infinity)
  }

  @Test func picturesOfAnyKind() throws {
    let suite = try MetricSuite.plain()
    let reference = suite.reference(waves(40, 40, channels: 1))
    let grey = suite.scores(waves(40, 40, channels: 1, bitDepth: 16), reference)
    #expect(grey[.psnrY] == .infinity, "16 bit are rounded to 8")
    #expect(suite.scores(waves(40, 40, channels: 4), reference)[.psnrY]! < 60)
    #expect(suite.scores(waves(3, 3), suite.reference(waves(3, 3))).count == 2)
  }

  @Test(.enabled(if: MetricWeights.arePresent, "scripts/metric-weights was not run"))
  func networksAndFlatPictures() throws {
    let suite = try MetricSuite()
    let image = waves(200, 200)
    let equal = suite.scores(image, suite.reference(image))
    for metric in [Metric.lpipsAlex, .lpipsVGG, .dists] where suite.metrics.contains(metric) {
      #expect(equal[metric] == 0)
    }
    for metric in [Metric.niqe, .brisque] where suite.metrics.contains(metric) {
      #expect(equal[metric]!.isFinite)
    }
    let black = Image(
      width: 200, height: 200, channels: 3, samples: .u8(Array(repeating: 0, count: 120_000)))
    let flat = suite.scores(black, nil)
    #expect(flat.isEmpty, "nothing can be said of a picture without contrast: \(flat)")
  }
}
