import Checkpoints
import Files
import Foundation
import Torch

/// The inputs of a run besides its recipe, stored as `inputs.json` in its folder. A run with
/// different data or a different start is a different run.
struct RunInputs: Codable, Equatable {
  static let file = "inputs.json"

  /// The number of pictures, and the fingerprint of their names and sizes.
  var pictures: Int
  var data: String
  /// The fingerprint of the weights that the run started from; nil for fresh weights.
  var initial: String?

  /// - Parameter initial: the model folder or file of weights that the run starts from.
  init(_ source: any TrainingSource, initial: String?) throws {
    pictures = source.count
    data = hexadecimal(source.fingerprint)
    self.initial = try initial.map { try Self.fingerprint(ofWeights: $0) }
  }

  /// The differences from the inputs of an earlier start.
  func differences(from earlier: RunInputs) -> [String] {
    var result: [String] = []
    if data != earlier.data {
      result.append(
        pictures == earlier.pictures
          ? "other pictures or captions, or other weights of the folders"
          : "the data hold \(pictures) pictures, held \(earlier.pictures)")
    }
    if initial != earlier.initial {
      result.append(
        initial == nil
          ? "the initial model is absent, was given"
          : earlier.initial == nil
            ? "the initial model is given, was absent" : "the initial model has other weights")
    }
    return result
  }

  /// Reads the inputs from a run's folder; nil for runs of earlier versions, which did not store
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
