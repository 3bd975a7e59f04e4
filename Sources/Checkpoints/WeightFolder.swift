import Files
import Foundation
import Torch

/// The weights in a folder, in the layout of Hugging Face: one file, or several with an index that
/// says which tensor is in which.
public struct WeightFolder {
  /// The paths of the files, in the order of their names.
  public let files: [String]
  /// The index, where there is one.
  private let index: String?
  /// The file of each tensor, by the index.
  private let places: [String: String]

  /// The names of the single file and of the index of a layout, most wanted first.
  public static let layouts = [
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
  ]

  /// - Throws: `CheckpointError` where the folder has no weights or its index makes no sense.
  public init(_ folder: String) throws {
    for (single, list) in Self.layouts {
      if FileManager.default.fileExists(atPath: "\(folder)/\(single)") {
        (files, index, places) = (["\(folder)/\(single)"], nil, [:])
        return
      }
      let path = "\(folder)/\(list)"
      if FileManager.default.fileExists(atPath: path) {
        places = try Self.places(path)
        files = Set(places.values).sorted().map { "\(folder)/\($0)" }
        index = path
        return
      }
    }
    throw CheckpointError(
      "\(folder)/\(Self.layouts[0].0)",
      "cannot be opened: neither this file nor \(Self.layouts[0].1) is there")
  }

  /// Opens the files.
  /// - Throws: `CheckpointError`, also where their tensors are not those of the index.
  public func open() throws -> any TensorFile {
    let parts = try files.map(openTensorFile)
    guard let index else { return parts[0] }
    for part in parts {
      let file = (part.title as NSString).lastPathComponent
      for name in part.names where places[name] != file {
        throw CheckpointError(index, "does not place tensor \(quoted(name)) into \(quoted(file))")
      }
    }
    let joined = try JoinedTensorFile(parts, title: index)
    if let name = Set(places.keys).subtracting(joined.names).min() {
      throw CheckpointError(
        index, "places tensor \(quoted(name)) into \(quoted(places[name]!)), which lacks it")
    }
    return joined
  }

  /// `{"metadata": {...}, "weight_map": {"tensor": "file", ...}}`.
  private static func places(_ path: String) throws -> [String: String] {
    let file = try MappedMemory(path)
    let json: HeaderJSON
    do {
      json = try HeaderJSON(parsing: file.bytes)
    } catch let error as HeaderJSON.SyntaxError {
      throw CheckpointError(path, "is no index of weights: \(error.reason)")
    }
    guard let map = json.entries?.first(where: { $0.name == "weight_map" })?.value.entries,
      !map.isEmpty
    else { throw CheckpointError(path, "has no 'weight_map', expected tensors and their files") }
    var places: [String: String] = [:]
    for (name, value) in map {
      guard case .string(let file) = value, !file.isEmpty, !file.contains("/"), file != "..",
        file != "."
      else {
        throw CheckpointError(
          path, "places tensor \(quoted(name)) into \(value.kind), expected a file beside it")
      }
      places[name] = file
    }
    return places
  }
}
