import Checkpoints
import Files
import Foundation
import NSARM
import Torch

/// The state of a model folder when it was converted, by which a copy of it can be verified: sums
/// of all tensors, and a few activations of a fixed input. The folder keeps it in
/// `verification.json`.
public struct ModelVerification: Codable, Equatable, Sendable {
  public static let file = "verification.json"

  /// The version of this file's format.
  public var version = 1
  /// The published checkpoint that the model was made of, where its sum said so.
  public var published: String?
  /// The MD5 of the bytes of every tensor, by the folder inside of the model's ("" for itself) or
  /// the file of its prompt, and by name.
  public var tensors: [String: [String: String]] = [:]
  /// The MD5 of other files, by their path in the folder: the text encoder's vocabulary.
  public var files: [String: String] = [:]
  public var activations: [ActivationSample] = []

  /// Nothing yet.
  public init() {}

  /// The largest distance of activations from those at conversion, in standard deviations: other
  /// processors sum in another order.
  public static let tolerance = 1e-3

  /// Computes the activations.
  /// - Parameters:
  ///   - configuration: of the model.
  ///   - weights: of the model, as they are stored.
  /// - Throws: `CheckpointError`, `ParameterMismatch` where weights are missing or do not fit,
  ///   `TorchError` where memory is lacking.
  public static func activations(
    _ configuration: ModelConfiguration, _ weights: any TensorFile
  ) throws -> [ActivationSample] {
    let source = QuantizedSource(weights)
    return try throwingResourceErrors(reading: [source]) {
      try configuration.activationSamples(source)
    }
  }

  /// The MD5 of the bytes of every tensor of a file.
  /// - Parameter file: of any size; it is read tensor by tensor.
  /// - Throws: `CheckpointError` where it cannot be read.
  public static func sums(_ file: any TensorFile) throws -> [String: String] {
    var sums: [String: String] = [:]
    for name in file.names {
      sums[name] = try file.tensor(name).contiguous().withBytes { FileDigest.md5($0) }
      file.release(name)
    }
    try file.checkWhole()
    return sums
  }

  /// The vocabulary of the text encoder, in a model's folder.
  public static let vocabulary =
    "\(ModelFolder.textEncoder)/\(PublishedVocabulary.sentencePieceFile)"

  /// The MD5 of a file.
  /// - Parameter path: of a small file.
  /// - Throws: `CheckpointError` where it cannot be read.
  public static func sum(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CheckpointError(path, "cannot be read")
    }
    return data.withUnsafeBytes { FileDigest.md5($0) }
  }

  /// Checks that the tensors of a file are those that were converted, and are the weights that the
  /// configuration asks for.
  /// - Parameters:
  ///   - file: the weights.
  ///   - folder: inside of the model's, or the file of its prompt; "" for the model itself.
  /// - Throws: `CheckpointError` with the first difference.
  public func checkNames(_ file: any TensorFile, in folder: String) throws {
    guard let sums = tensors[folder] else {
      throw CheckpointError(file.title, "was not there when the model was converted")
    }
    let names = Set(file.names)
    if let name = Set(sums.keys).subtracting(names).min() {
      throw CheckpointError(file.title, "lacks '\(name)', which was converted")
    }
    if let name = names.subtracting(sums.keys).min() {
      throw CheckpointError(file.title, "has '\(name)', which was not converted")
    }
  }

  /// Compares activations with those at conversion.
  /// - Parameters:
  ///   - found: of this machine.
  ///   - title: of the model, for messages.
  /// - Returns: the largest distance in standard deviations.
  /// - Throws: `CheckpointError` with the first difference.
  public func compare(_ found: [ActivationSample], title: String) throws -> Double {
    guard found.map(\.name) == activations.map(\.name) else {
      throw CheckpointError(
        title, "has other parts than when it was converted; convert it again")
    }
    var largest = 0.0
    for (a, b) in zip(activations, found) {
      let distance = a.distance(to: b)
      guard distance <= Self.tolerance else {
        throw CheckpointError(
          title,
          "computes another \(a.name) of a fixed picture than when it was converted: \(distance)"
            + " standard deviations away, \(Self.tolerance) are allowed")
      }
      largest = max(largest, distance)
    }
    return largest
  }
}
