import Checkpoints
import Files
import Foundation
import Torch

/// What a run learns from beside its recipe: `inputs.json` of its folder. A run that goes on with
/// other data or another start is another run.
struct RunInputs: Codable, Equatable {
  static let file = "inputs.json"

  /// The pictures that are used, and the fingerprint of their names and sizes.
  var pictures: Int
  var data: String
  /// Of the weights that the run started from; nil: fresh ones.
  var initial: String?

  /// - Parameter initial: the model folder or file of weights that the run starts from.
  init(_ source: any TrainingSource, initial: String?) throws {
    pictures = source.count
    data = hexadecimal(source.fingerprint)
    self.initial = try initial.map { try Self.fingerprint(ofWeights: $0) }
  }

  /// What differs from the inputs of an earlier start.
  func differences(from earlier: RunInputs) -> [String] {
    var result: [String] = []
    if data != earlier.data {
      result.append(
        pictures == earlier.pictures
          ? "other pictures or captions in --data, or other weights"
          : "--data holds \(pictures) pictures, held \(earlier.pictures)")
    }
    if initial != earlier.initial {
      result.append(
        initial == nil
          ? "--init is absent, was given"
          : earlier.initial == nil ? "--init is given, was absent" : "--init names other weights")
    }
    return result
  }

  /// The inputs that a run's folder tells of; nil for runs of earlier versions, which did not write
  /// them.
  static func read(_ folder: String) -> RunInputs? {
    FileManager.default.contents(atPath: folder + "/" + file)
      .flatMap { try? JSONDecoder().decode(RunInputs.self, from: $0) }
  }

  func write(_ folder: String) throws {
    let path = folder + "/" + Self.file
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try writing(path) { try AtomicFile.write(try encoder.encode(self), to: path) }
  }

  private static func fingerprint(ofWeights path: String) throws -> String {
    let files = isFolder(path) ? try WeightFolder(path).files : [path]
    let keys = try files.map(Checkpoints.fingerprint(ofFile:))
    return hexadecimal(keys.dropFirst().reduce(keys[0], RandomStream.key))
  }
}
