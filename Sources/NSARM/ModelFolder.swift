import Checkpoints
import Files
import Foundation
import Settings
import Torch

/// A model on disk: `config.json` (the configuration), `model.safetensors` (the weights, with their
/// provenance in the file's metadata).
public struct ModelFolder {
  public let path: String
  public let configuration: ModelConfiguration

  public var weightsPath: String { path + "/model.safetensors" }

  /// Reads the configuration.
  /// - Throws: `CheckpointError` naming the file, and the key where it has one, when it is missing
  ///   or makes no sense.
  public init(_ path: String) throws {
    self.path = path
    let file = path + "/config.json"
    guard FileManager.default.fileExists(atPath: path) else {
      throw CheckpointError(path, "no such model folder")
    }
    do {
      guard let data = try SettingsFile.contents(file) else {
        throw SettingsProblem("missing; a model folder holds config.json and model.safetensors")
      }
      configuration = try SettingsJSON.decode(data, example: ModelConfiguration.example)
      try configuration.validate()
    } catch let problem as SettingsProblem {
      throw CheckpointError(file, problem.description)
    } catch let error as ConfigurationError {
      throw CheckpointError(file, error.description)
    }
  }

  /// Where the weights came from: the metadata of the weights' file.
  public func provenance() throws -> [String: String] { try SafetensorsFile(weightsPath).metadata }

  /// Builds the model with the folder's weights.
  /// - Parameter policy: its device, and its element type of matrices and kernels; vectors stay
  ///   float32.
  /// - Throws: `CheckpointError`, `ParameterMismatch` naming the tensors that do not fit; int8
  ///   needs the folder's `calibration`.
  public func load(_ policy: ComputePolicy = .automatic) throws -> Model {
    let file = try SafetensorsFile(weightsPath)
    let store = ParameterStore(
      QuantizedSource(file, dequantizedTo: policy.storage), on: policy.device)
    let model = try Model(configuration, store, policy: policy)
    try store.validate()
    store.convert(to: policy.storage) { $0.value.rank >= 2 && !Self.staysWide($0.name) }
    store.convert(to: .float32) { $0.value.rank < 2 || Self.staysWide($0.name) }
    switch policy.precision {
    case .int8: model.quantize(try calibration())
    case .auto, .float32, .bfloat16: model.packMatrices()
    }
    model.packKernels()
    return model
  }

  /// The head, the modulations and the embeddings are used in float32, like the residual stream.
  private static func staysWide(_ name: String) -> Bool {
    ["head.weight", "ada_gss", "pos_start", "lvl_embed.weight", "scale_mul_1H11"]
      .contains { name.hasSuffix($0) }
  }

  /// The model of this folder with more parts: those that the folder lacks are made fresh from
  /// `seed`.
  public func extended(
    _ configuration: ModelConfiguration, seed: UInt64, policy: ComputePolicy
  ) throws -> Model {
    let file = try SafetensorsFile(weightsPath)
    let known = Set(file.names)
    let incomplete = Set(
      Model.Part.allCases.filter { part in !known.contains { $0.hasPrefix(part.rawValue) } })
    func mayDiffer(_ name: String) -> Bool { incomplete.contains { name.hasPrefix($0.rawValue) } }
    let store = ParameterStore(
      QuantizedSource(file), on: policy.device, fresh: mayDiffer, seed: seed)
    let model = try Model(configuration, store, policy: policy)
    try store.validate(ignoring: mayDiffer)
    return model
  }

  /// Writes a model: matrices and kernels as bfloat16, vectors as float32. A folder that is there
  /// already is replaced as a whole.
  /// - Throws: `FileError` when the folder cannot be written; then an earlier one is still in
  ///   place.
  public static func write(
    _ model: Model, to path: String, provenance: [String: String]
  ) throws {
    let tensors = model.store.parameters.map { parameter in
      let value = parameter.value.detached()
      return (parameter.name, value.to(value.rank >= 2 ? .bfloat16 : .float32).contiguous())
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let configuration = try encoder.encode(model.configuration)
    try AtomicFolder.write(path) { folder in
      try writeSafetensors(tensors, metadata: provenance, to: folder + "/model.safetensors")
      try AtomicFile.write(configuration, to: folder + "/config.json")
    }
  }
}
