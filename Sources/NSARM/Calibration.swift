import Checkpoints
import Files
import Foundation
import Torch

/// The ranges of the inputs that a model's 3x3 kernels meet in pictures, which convolutions in 8
/// bits need beside the weights. A model folder may keep it as `calibration.json`; without it
/// kernels stay in floating point.
public struct Calibration: Codable, Equatable, Sendable {
  /// Smallest and largest input by parameter name.
  public var ranges: [String: [Double]] = [:]
  /// The number of pictures that they were observed in.
  public var pictures = 0
}

extension ModelFolder {
  public var calibrationPath: String { path + "/calibration.json" }

  /// The folder's calibration; nil where it has none.
  /// - Throws: `CheckpointError` where it makes no sense.
  public func calibration() throws -> Calibration? {
    guard let data = FileManager.default.contents(atPath: calibrationPath) else { return nil }
    do {
      return try JSONDecoder().decode(Calibration.self, from: data)
    } catch {
      throw CheckpointError(
        calibrationPath, "is damaged; calibrate the model again")
    }
  }

  /// Writes a calibration beside the weights.
  /// - Throws: `FileError` where the folder is not writable.
  public func write(_ calibration: Calibration) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try AtomicFile.write(encoder.encode(calibration), to: calibrationPath)
  }
}
