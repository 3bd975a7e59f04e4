import Files
import Foundation

/// A folder of training data with its sampling weight.
public struct DataFolder: Equatable, Sendable {
  public let path: String
  /// The weight relative to other folders; above 0.
  public let weight: Double

  public init(path: String, weight: Double = 1) {
    precondition(weight > 0 && weight.isFinite, "a weight above 0, not \(weight)")
    (self.path, self.weight) = (path, weight)
  }

  /// Parses "FOLDER" or "FOLDER=WEIGHT"; the path of an existing folder is taken literally.
  /// - Throws: `TrainingError.dataWeight` where the weight is not above 0.
  public init(argument: String) throws {
    guard !isFolder(argument), let sign = argument.lastIndex(of: "="),
      let weight = Double(argument[argument.index(after: sign)...])
    else {
      self.init(path: argument)
      return
    }
    guard weight > 0, weight.isFinite else { throw TrainingError.dataWeight(argument: argument) }
    self.init(path: String(argument[..<sign]), weight: weight)
  }

  /// The folder's pairs where it holds `lr` and `hr`, otherwise its photos, degraded on the fly.
  func source(
    _ settings: DataSettings, scale: Int, seed: UInt64, warn: @escaping @Sendable (String) -> Void
  ) throws -> any TrainingSource {
    try PairFolder(path) != nil
      ? PairDataset(folder: path, settings: settings, scale: scale, seed: seed, warn: warn)
      : PhotoDataset(folder: path, settings: settings, scale: scale, seed: seed, warn: warn)
  }
}

/// Makes the source of samples from one or several folders of photos or pairs.
/// - Parameters:
///   - scale: the factor by which low-quality pictures are smaller.
///   - warn: called with one line per skipped file, from any thread.
/// - Throws: `TrainingError` where a folder holds no usable pictures, or pictures that do not
///   match.
public func makeTrainingSource(
  _ folders: [DataFolder], settings: DataSettings, scale: Int, seed: UInt64,
  warn: @escaping @Sendable (String) -> Void
) throws -> any TrainingSource {
  let sources = try folders.map {
    (source: try $0.source(settings, scale: scale, seed: seed, warn: warn), weight: $0.weight)
  }
  return sources.count == 1 ? sources[0].source : SourceMixture(sources, seed: seed)
}
