import Foundation
import Testing
import Torch

@testable import ImageQuality

/// Every metric against independent values: those of its authors' code and of a PyTorch
/// implementation.
private struct CalibratedMetric: Sendable {
  let title: String
  /// Its value for reference and distorted picture, `[1, 3, H, W]` in [0, 1].
  let make: @Sendable () throws -> (Tensor, Tensor) throws -> Double
  /// Its row in `official.csv`, and the largest difference from it.
  var official: (row: String, tolerance: Double)?
  /// Its value in `pytorch_values.jsonl`, and the largest difference from it.
  var pyTorch: (value: any KeyPath<Calibration.Pair, Double> & Sendable, tolerance: Double)?

  /// Published values have four digits, PSNR two. MS-SSIM, NIQE and BRISQUE are sensitive to the
  /// rounding of gray levels; the PyTorch values of the latter two are further from the official
  /// ones than ours. The PyTorch values of Y are of gray in full range that is not rounded: PSNR is
  /// then 20 log₁₀(255 / 219) dB lower than in studio range, which scales every difference alike.
  static let all = [
    CalibratedMetric(
      title: "PSNR-RGB", make: { { peakSignalToNoise($0, $1, .rgb)[0] } },
      official: ("psnr", 0.006), pyTorch: (\.psnr, 2e-4)),
    CalibratedMetric(
      title: "PSNR-Y − 1.32",
      make: { { peakSignalToNoise($0, $1, .luma)[0] - 20 * log10(255 / 219) } },
      pyTorch: (\.psnr_y, 0.03)),
    CalibratedMetric(
      title: "SSIM of gray", make: { { structuralSimilarity($0, $1, .gray)[0] } },
      official: ("ssim", 6e-5), pyTorch: (\.ssim_y, 5e-4)),
    CalibratedMetric(
      title: "MS-SSIM of gray", make: { { multiScaleStructuralSimilarity($0, $1, .gray)[0] } },
      official: ("ms_ssim", 0.005), pyTorch: (\.ms_ssim, 0.001)),
    CalibratedMetric(
      title: "LPIPS-Alex", make: { try lpips(.alex) },
      official: ("lpips", 6e-5), pyTorch: (\.lpips_alex, 6e-5)),
    CalibratedMetric(
      title: "LPIPS-VGG", make: { try lpips(.vgg) },
      pyTorch: (\.lpips_vgg, 6e-5)),
    CalibratedMetric(
      title: "DISTS",
      make: {
        let dists = try DISTS()
        return { dists($0, $1).item }
      }, official: ("dists", 6e-5), pyTorch: (\.dists, 6e-5)),
    CalibratedMetric(
      title: "NIQE",
      make: {
        let niqe = try NIQE()
        return { try niqe($1.squeezed(0)) }
      }, official: ("niqe", 0.05)),
    CalibratedMetric(
      title: "BRISQUE",
      make: {
        let brisque = try BRISQUE()
        return { try brisque($1.squeezed(0)) }
      }, official: ("brisque", 0.7)),
  ]

  private static func lpips(_ network: LPIPS.Network) throws -> (Tensor, Tensor) -> Double {
    let lpips = try LPIPS(network)
    return { lpips($0 * 2 - 1, $1 * 2 - 1).item }
  }
}

@Suite(.enabled(if: Calibration.hasWeights, "scripts/metric-weights was not run"))
struct CalibrationTests {
  /// The values of the pairs face, foliage and bridge, and the tolerance for other processors.
  private static let values: [String: (values: [Double], tolerance: Double)] = [
    "PSNR-RGB": ([27.6583, 32.4746, 25.6677], 0.001),
    "PSNR-Y − 1.32": ([28.7483, 32.5426, 25.5996], 0.001),
    "SSIM of gray": ([0.84126, 0.95343, 0.52868], 1e-4),
    "MS-SSIM of gray": ([0.97504, 0.99254, 0.90526], 1e-4),
    "LPIPS-Alex": ([0.11998, 0.10874, 0.36362], 1e-4),
    "LPIPS-VGG": ([0.32201, 0.12416, 0.39168], 1e-4),
    "DISTS": ([0.20536, 0.14607, 0.24364], 1e-4),
    "NIQE": ([9.4088, 9.4527, 12.5268], 0.01),
    "BRISQUE": ([31.427, 50.220, 55.001], 0.05),
  ]

  /// The values of our own pairs and, where they are available, of pairs that may not be
  /// redistributed, which equal those of the metrics' authors.
  @Test func valuesAreKnown() throws {
    for folder in Calibration.published { try table(folder) }
    let pairs = try ["face", "foliage", "bridge"].map {
      try Calibration.pictures("\($0).bmp", "\($0).bmp", Calibration.samples)
    }
    for metric in CalibratedMetric.all {
      let value = try metric.make()
      let found = try pairs.map { pair in
        try withoutGradients { try value(pair.reference, pair.distorted) }
      }
      guard let (expected, tolerance) = Self.values[metric.title] else {
        Issue.record("\(metric.title) gives \(found)")
        continue
      }
      for (found, expected) in zip(found, expected) {
        #expect(abs(found - expected) < tolerance, "\(metric.title): \(found), \(expected)")
      }
    }
  }

  /// Prints the table in Documentation/benchmarks.md.
  private func table(_ folder: URL) throws {
    let pairs = try Calibration.pairs(folder)
    let names = pairs.map { ($0.dist as NSString).deletingPathExtension }
    print(
      "| ours (theirs) | theirs | \(names.joined(separator: " | ")) | largest difference | allowed |"
    )
    print("|---|---|" + String(repeating: "---|", count: pairs.count + 2))
    for metric in CalibratedMetric.all {
      let value = try metric.make()
      let ours = try pairs.map { pair in
        let (reference, distorted) = try pair.pictures(folder)
        return try withoutGradients { try value(reference, distorted) }
      }
      if let official = metric.official {
        let row = try Calibration.official(official.row, folder)
        compare(metric.title, "official", ours, pairs.map { row[$0.dist]! }, official.tolerance)
      }
      if let pyTorch = metric.pyTorch {
        let theirs = pairs.map { $0[keyPath: pyTorch.value] }
        compare(metric.title, "PyTorch", ours, theirs, pyTorch.tolerance)
      }
    }
  }

  private func compare(
    _ title: String, _ source: String, _ ours: [Double], _ theirs: [Double], _ tolerance: Double
  ) {
    let difference = zip(ours, theirs).map { abs($0 - $1) }.max()!
    let digits = abs(ours[0]) < 2 ? 4 : 2
    func text(_ value: Double) -> String { String(format: "%.\(digits)f", value) }
    let cells = zip(ours, theirs).map { "\(text($0)) (\(text($1)))" }
    print(
      "| \(title) | \(source) | \(cells.joined(separator: " | ")) | "
        + String(format: "%.2g | %.2g |", difference, tolerance))
    #expect(difference <= tolerance, "\(title) against \(source)")
  }
}
