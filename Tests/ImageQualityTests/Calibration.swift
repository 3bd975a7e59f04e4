import Foundation
import TestSupport
import Torch

@testable import ImageQuality

/// Pairs of pictures whose values are known.
enum Calibration {
  /// Parts of the samples, with the values that our metrics gave when they agreed with the
  /// published ones.
  static let samples = Fixture.packageRoot.appendingPathComponent("Tests/Fixtures/metrics")

  /// Pairs that may not be redistributed, with the values of the metrics' authors' code:
  /// `NSARM_CALIBRATION`, else `shared/data/metrics/calibration` beside a folder above the package.
  static let published: [URL] = {
    if let folder = ProcessInfo.processInfo.environment["NSARM_CALIBRATION"] {
      return [URL(fileURLWithPath: folder)]
    }
    var folders: [URL] = []
    var parent = Fixture.packageRoot
    while parent.path != "/" {
      parent.deleteLastPathComponent()
      folders.append(parent.appendingPathComponent("shared/data/metrics/calibration"))
    }
    return Array(folders.filter { FileManager.default.fileExists(atPath: $0.path) }.prefix(1))
  }()

  static let hasWeights = ["alexnet", "vgg16", "dists", "niqe", "brisque"].allSatisfy {
    hasWeights("\($0).safetensors")
  }

  static func hasWeights(_ file: String) -> Bool {
    FileManager.default.fileExists(atPath: MetricWeights.folder.appendingPathComponent(file).path)
  }

  /// One line of `pytorch_values.jsonl`.
  struct Pair: Decodable {
    let ref, dist: String
    let psnr, psnr_y, ssim_y, ms_ssim, lpips_alex, lpips_vgg, dists, niqe, brisque: Double

    func pictures(_ folder: URL) throws -> (reference: Tensor, distorted: Tensor) {
      try Calibration.pictures(ref, dist, folder)
    }
  }

  static func pictures(
    _ reference: String, _ distorted: String, _ folder: URL
  ) throws -> (reference: Tensor, distorted: Tensor) {
    (
      try readBitmap(folder.appendingPathComponent("ref_dir/\(reference)")),
      try readBitmap(folder.appendingPathComponent("dist_dir/\(distorted)"))
    )
  }

  static func pairs(_ folder: URL) throws -> [Pair] {
    let text = try String(
      contentsOf: folder.appendingPathComponent("pytorch_values.jsonl"), encoding: .utf8)
    return try text.split(separator: "\n").map {
      try JSONDecoder().decode(Pair.self, from: Data($0.utf8))
    }
  }

  /// A row of `official.csv`, by picture.
  static func official(_ metric: String, _ folder: URL) throws -> [String: Double] {
    let text = try String(
      contentsOf: folder.appendingPathComponent("official.csv"), encoding: .utf8)
    let rows = text.split(whereSeparator: \.isNewline).map {
      $0.split(separator: ",").map(String.init)
    }
    let row = rows.first { $0[0] == metric } ?? []
    return Dictionary(
      uniqueKeysWithValues: zip(rows[0], row).dropFirst().map { ($0, Double($1) ?? .nan) })
  }

  /// `[1, 3, H, W]` in [0, 1] from an uncompressed bitmap with 24 bits per pixel.
  static func readBitmap(_ url: URL) throws -> Tensor {
    let data = [UInt8](try Data(contentsOf: url))
    func integer(_ offset: Int) -> Int {
      Int(
        Int32(bitPattern: (0..<4).reduce(0) { $0 | UInt32(data[offset + $1]) << (8 * UInt32($1)) }))
    }
    let (start, width, signedHeight) = (integer(10), integer(18), integer(22))
    precondition(
      data[28] == 24 && integer(30) == 0, "\(url.path): not an uncompressed 24-bit bitmap")
    let (height, stride) = (abs(signedHeight), (width * 3 + 3) / 4 * 4)
    var values = [Float](repeating: 0, count: 3 * height * width)
    for y in 0..<height {
      let row = start + (signedHeight > 0 ? height - 1 - y : y) * stride
      for x in 0..<width {
        for channel in 0..<3 {
          values[(channel * height + y) * width + x] = Float(data[row + 3 * x + 2 - channel]) / 255
        }
      }
    }
    return Tensor(values, shape: [1, 3, height, width])
  }
}
