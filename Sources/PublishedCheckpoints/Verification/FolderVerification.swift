import Checkpoints
import Files
import Foundation
import NSARM
import Torch

/// Looks through a model folder: whether it is whole, has sound values and is as it was converted.
public struct FolderVerification {
  public let folder: ModelFolder
  /// The state of the folder when it was converted; nil: it was not recorded.
  public let expected: ModelVerification?
  /// The files of weights, by the folder inside of the model's ("" for itself) or the file of its
  /// prompt.
  public let parts: [(name: String, file: any TensorFile)]

  /// Opens the files and compares names and shapes.
  /// - Parameter folder: the model.
  /// - Throws: `CheckpointError` with the first thing that is missing or does not fit.
  public init(_ folder: ModelFolder) throws {
    self.folder = folder
    let path = "\(folder.path)/\(ModelVerification.file)"
    if FileManager.default.fileExists(atPath: path) {
      do {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        expected = try JSONDecoder().decode(ModelVerification.self, from: data)
      } catch {
        throw CheckpointError(path, "cannot be read; convert the model again")
      }
    } else {
      expected = nil
    }
    var parts: [(name: String, file: any TensorFile)] = [("", try folder.weights())]
    for name in [ModelFolder.twin, ModelFolder.textEncoder, ModelFolder.promptFile] {
      let path = "\(folder.path)/\(name)"
      guard FileManager.default.fileExists(atPath: path) else {
        if expected?.tensors[name] != nil {
          throw CheckpointError(path, "is missing, which was there when the model was converted")
        }
        continue
      }
      let isPrompt = name == ModelFolder.promptFile
      parts.append((name, isPrompt ? try SafetensorsFile(path) : try WeightFolder(path).open()))
    }
    self.parts = parts
    for (name, file) in parts {
      if name == ModelFolder.textEncoder {
        try PublishedTextEncoder(QuantizedSource(file)).remainder.check(of: file)
        let vocabulary = "\(folder.textEncoderPath)/\(PublishedVocabulary.sentencePieceFile)"
        guard FileManager.default.fileExists(atPath: vocabulary) else {
          throw CheckpointError(vocabulary, "is missing; copy it from the folder of Flan-T5")
        }
        if let sum = expected?.files[ModelVerification.vocabulary] {
          guard try ModelVerification.sum(vocabulary) == sum else {
            throw CheckpointError(
              vocabulary, "is not what was converted; copy it from the folder of Flan-T5")
          }
        }
      } else if name == ModelFolder.promptFile {
        _ = try folder.text()  // of the prompt that config.json has
      } else {
        try checkShapes(file)
      }
      try expected?.checkNames(file, in: name)
    }
  }

  /// The number of tensors of all parts.
  public var tensorCount: Int { parts.reduce(0) { $0 + $1.file.names.count } }

  /// Bytes of the tensors of all parts.
  public var byteCount: Int {
    parts.reduce(0) { sum, part in
      sum
        + part.file.names.reduce(0) { sum, name in
          let (shape, dtype) = (part.file.shape(name) ?? [], part.file.dtype(name))
          return sum + shape.reduce(dtype?.size ?? 0, *)
        }
    }
  }

  /// Reads all tensors: values are finite, no matrix is all zeros, and sums are those at
  /// conversion.
  /// - Parameter progress: called after each tensor with its bytes; an error thrown here stops the
  ///   work.
  /// - Throws: `CheckpointError` with the first difference.
  public func checkValues(progress: (Int) throws -> Void = { _ in }) throws {
    for (part, file) in parts {
      for name in file.names {
        let tensor = try file.tensor(name)
        let place = file.place(name)?.file ?? file.title
        if let sum = expected?.tensors[part]?[name] {
          let found = tensor.contiguous().withBytes { FileDigest.md5($0) }
          guard found == sum else {
            throw CheckpointError(
              place, "'\(name)' is not what was converted: MD5 \(found), expected \(sum)")
          }
        }
        try PublishedVerification.checkValues(tensor, name, place)
        try file.checkWhole()
        try progress(tensor.count * tensor.dtype.size)
        file.release(name)
      }
    }
  }

  /// Computes the activations of a fixed input and compares them with those at conversion.
  /// - Returns: the largest distance in standard deviations; nil: the folder does not say what they
  ///   were, and they are finite.
  /// - Throws: `CheckpointError` with the first difference.
  public func checkActivations() throws -> Double? {
    let found = try ModelVerification.activations(folder.configuration, parts[0].file)
    for sample in found where !sample.deviation.isFinite {
      throw CheckpointError(folder.path, "computes a \(sample.name) that is not finite")
    }
    return try expected?.compare(found, title: folder.path)
  }

  private func checkShapes(_ file: any TensorFile) throws {
    let source = QuantizedSource(file)
    var unknown = Set(source.names)
    for (name, shape) in try folder.configuration.parameterShapes() {
      guard let found = source.shape(name) else {
        throw CheckpointError(file.title, "lacks '\(name)', which config.json asks for")
      }
      guard found == shape else {
        throw CheckpointError(
          file.title, "'\(name)' has shape \(found), config.json asks for \(shape)")
      }
      unknown.remove(name)
    }
    if let name = unknown.min() {
      throw CheckpointError(file.title, "has '\(name)', which config.json does not ask for")
    }
  }
}
