import Checkpoints
import Files
import Foundation
import Torch

/// The ranges of the inputs that a model's matrices and kernels meet in pictures: what 8-bit
/// arithmetic needs to know beside the weights. A model folder keeps it as `calibration.json`.
public struct Calibration: Codable, Equatable, Sendable {
  /// Smallest and largest input by parameter name.
  public var ranges: [String: [Double]] = [:]
  /// How many pictures they were seen in.
  public var pictures = 0
}

extension ModelFolder {
  public var calibrationPath: String { path + "/calibration.json" }

  /// - Throws: `CheckpointError` where there is none, or none that makes sense.
  public func calibration() throws -> Calibration {
    guard let data = FileManager.default.contents(atPath: calibrationPath) else {
      throw CheckpointError(
        calibrationPath,
        "missing: int8 needs the ranges of the model's activations; make it with: nsarm calibrate \(path) PICTURES"
      )
    }
    do {
      return try JSONDecoder().decode(Calibration.self, from: data)
    } catch {
      throw CheckpointError(
        calibrationPath, "is damaged; make it again with: nsarm calibrate \(path) PICTURES")
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
