import Checkpoints
import Files
import Foundation
import Settings
import Torch

/// A model on disk: `config.json` (the configuration) and the weights, with their provenance in the
/// files' metadata: `model.safetensors`, or several files and `model.safetensors.index.json`.
public struct ModelFolder: Sendable {
  public let path: String
  public let configuration: ModelConfiguration

  /// The name by which users ask for the model: that of its folder, also where the path is "." or
  /// "models/mine/".
  public var name: String {
    URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
  }

  /// The path of the text encoder of a model conditioned on text, if the folder has it.
  public var textEncoderPath: String { path + "/" + Self.textEncoder }
  public static let textEncoder = "text-encoder"

  /// The path of the weights of the model's twin, if the folder has one: the same networks, trained
  /// to keep the input's noise and softness.
  public var twinPath: String { path + "/" + Self.twin }
  public static let twin = "twin"
  /// Whether the model has the dial `strength`.
  public var hasTwin: Bool { FileManager.default.fileExists(atPath: twinPath) }
  /// Whether the features of the model's prompt are there.
  public var hasPrompt: Bool { FileManager.default.fileExists(atPath: promptPath) }

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

  /// The origin of the weights: the metadata of their file.
  public func provenance() throws -> [String: String] { try weights().metadata }

  /// The files of the weights, mapped.
  /// - Throws: `CheckpointError` where they are missing or damaged.
  public func weights() throws -> any TensorFile { try WeightFolder(path).open() }

  /// The policy for inference with this model. Where nothing else is asked for, one that is stored
  /// in 8 or 4 bits computes in 8 bits on a CPU, and a calibrated one where that is fastest
  /// (`MeasuredChoice`).
  /// - Throws: `CheckpointError` where the weights are missing, `TorchError` where the device
  ///   cannot compute that way.
  public func policy(
    _ precision: Precision = .auto, on device: Device = .cpu, processor: Processor = .current
  ) throws -> ComputePolicy {
    guard precision == .auto, device.type == "cpu" else {
      return try ComputePolicy(precision, on: device, processor: processor)
    }
    guard QuantizedSource(try weights()).quantizedNames.isEmpty else {
      return try ComputePolicy(
        .int8, on: device, processor: processor, reason: "the model is stored in 8 bits or less")
    }
    let isCalibrated = FileManager.default.fileExists(atPath: calibrationPath)
    return try ComputePolicy(on: device, processor: processor, isCalibrated: isCalibrated)
  }

  /// Builds the model with the folder's weights.
  /// - Parameters:
  ///   - policy: its device, and its element type of matrices and kernels; what is used in float32
  ///     stays so. By default what suits the model on this machine.
  ///   - blockBytes: in int8, how many bytes of the matrices of the transformer's blocks are kept;
  ///     the others are read from the files again for every product.
  ///   - strength: 1: the model as it was trained; 0: its twin, which keeps the input's noise and
  ///     softness; between them the weights are interpolated, as those of general-x4v3 are with its
  ///     twin's: W = s · W₁ + (1 − s) · W₀.
  /// - Throws: `CheckpointError`, also for another strength than 1 of a model without a twin,
  ///   `ParameterMismatch` naming the tensors that do not fit; `TorchError` where libtorch is
  ///   missing or memory is lacking.
  public func load(
    _ policy: ComputePolicy? = nil, keeping blockBytes: Int = .max, strength: Double = 1
  ) throws -> Model {
    precondition((0...1).contains(strength), "a strength of 0 to 1")
    try TorchRuntime.load()
    let policy = try policy ?? self.policy()
    try check(strength: strength)
    var file = try weights()
    if strength < 1 {
      file = InterpolatedFile(try WeightFolder(twinPath).open(), file, share: strength)
    }
    let source = QuantizedSource(file, dequantizedTo: policy.storage)
    let model: Model = try throwingResourceErrors(reading: [source]) {
      try self.model(source, policy, keeping: blockBytes)
    }
    model.text = try text()
    return model
  }

  /// - Throws: `CheckpointError` for another strength than 1 of a model without a dial.
  public func check(strength: Double) throws {
    guard strength == 1 || hasTwin else {
      throw CheckpointError(
        path,
        "has no dial: a strength below 1 needs a twin of the model that keeps noise and softness, as"
          + " 'base' has")
    }
  }

  private func model(_ source: QuantizedSource, _ policy: ComputePolicy, keeping blockBytes: Int)
    throws -> Model
  {
    let quantizer = BlockQuantizer(source, output: policy.activations, keeping: blockBytes)
    let isInt8 = policy.precision == .int8
    let store = ParameterStore(
      source, on: policy.device,
      kernel: { isInt8 ? try quantizer.kernel($0, $1, $2) : nil })
    let model = try Model(configuration, store, policy: policy)
    try store.validate()
    if isInt8 {
      model.keepMapped(source.release)
      try calibration().map(model.quantizeKernels)
    }
    model.packKernels()
    store.convert(to: policy.storage) { !$0.role.isWide && $0.isPlain }
    store.convert(to: .float32) { $0.role.isWide && $0.isPlain }
    model.packMatrices()
    return model
  }

  /// The model of this folder with more parts: those that the folder lacks are made fresh from
  /// `seed`.
  public func extended(
    _ configuration: ModelConfiguration, seed: UInt64, policy: ComputePolicy
  ) throws -> Model {
    let file = try weights()
    let known = Set(file.names)
    let incomplete = Set(
      Model.Part.allCases.filter { part in !known.contains { $0.hasPrefix(part.rawValue) } })
    func mayDiffer(_ name: String) -> Bool { incomplete.contains { name.hasPrefix($0.rawValue) } }
    return try throwingResourceErrors(reading: [file]) {
      let store = ParameterStore(
        QuantizedSource(file), on: policy.device, fresh: mayDiffer, seed: seed)
      let model = try Model(configuration, store, policy: policy)
      try store.validate(ignoring: mayDiffer)
      return model
    }
  }

  /// Writes a model: matrices and kernels as bfloat16, what is used in float32 as float32. A folder
  /// that is there already is replaced as a whole.
  /// - Throws: `FileError` when the folder cannot be written; then an earlier one is still in
  ///   place.
  public static func write(
    _ model: Model, to path: String, provenance: [String: String]
  ) throws {
    let tensors = model.store.parameters.map { parameter in
      let value = parameter.value.detached()
      let dtype = parameter.role.storage
      return PendingTensors([.init(parameter.name, dtype, value.shape)]) {
        [value.to(dtype).contiguous()]
      }
    }
    try write(
      model.configuration, ShardPlan(tensors), to: path, provenance: provenance)
  }

  /// Writes a model of any size, tensor by tensor. A folder that is there already is replaced as a
  /// whole.
  /// - Parameters:
  ///   - configuration: the contents of `config.json`.
  ///   - weights: the tensors, in files.
  ///   - path: the folder.
  ///   - provenance: metadata of the weights' files.
  ///   - others: writes further files into the folder that it is given.
  ///   - progress: called after each tensor with its bytes; an error thrown here stops the work.
  /// - Throws: `FileError` when the folder cannot be written; then an earlier one is still in
  ///   place.
  public static func write(
    _ configuration: ModelConfiguration, _ weights: ShardPlan, to path: String,
    provenance: [String: String], others: (_ folder: String) throws -> Void = { _ in },
    progress: (Int) throws -> Void = { _ in }
  ) throws {
    try write(configuration, to: path) { folder in
      try weights.write(to: folder, metadata: provenance, progress: progress)
      try others(folder)
    }
  }

  /// Writes a model folder with files that the caller writes. A folder that is there already is
  /// replaced as a whole.
  /// - Parameters:
  ///   - configuration: the contents of `config.json`.
  ///   - path: the folder.
  ///   - contents: writes all files but `config.json` into the folder that it is given.
  /// - Throws: `FileError` when the folder cannot be written, and what `contents` throws; then an
  ///   earlier one is still in place.
  public static func write(
    _ configuration: ModelConfiguration, to path: String,
    contents: (_ folder: String) throws -> Void
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let settings = try encoder.encode(configuration)
    try AtomicFolder.write(path) { folder in
      try contents(folder)
      try AtomicFile.write(settings, to: folder + "/config.json")
    }
  }
}
