import Checkpoints
import NSARM
import Torch

/// A file whose tensors go by other names.
struct RenamedFile: TensorFile {
  let names: [String]
  private let file: any TensorFile
  /// The names in the file by those here.
  private let originals: [String: String]

  var title: String { file.title }
  var metadata: [String: String] { file.metadata }

  /// A file without the levels of names that PyTorch puts around a model that is trained on several
  /// devices, checkpointed or compiled: "blocks.0._fsdp_wrapped_module.ffn.fc1.weight" becomes
  /// "blocks.0.ffn.fc1.weight". A file that has none is returned as it is.
  /// - Throws: `CheckpointError` where two tensors get one name.
  static func unwrapped(_ file: any TensorFile) throws -> any TensorFile {
    let wrappers: Set<Substring> = [
      "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_orig_mod",
    ]
    func isWrapped(_ name: String) -> Bool { wrappers.contains { name.contains($0) } }
    guard file.names.contains(where: isWrapped) else { return file }
    var originals: [String: String] = [:]
    let names = try file.names.map { original in
      let name = original.split(separator: ".", omittingEmptySubsequences: false)
        .filter { !wrappers.contains($0) }.joined(separator: ".")
      if let other = originals.updateValue(original, forKey: name) {
        throw CheckpointError(file.title, "'\(other)' and '\(original)' are the same weight")
      }
      return name
    }
    return RenamedFile(names: names, file: file, originals: originals)
  }

  func dtype(_ name: String) -> DType? { originals[name].flatMap(file.dtype) }
  func shape(_ name: String) -> [Int]? { originals[name].flatMap(file.shape) }
  func place(_ name: String) -> TensorPlace? { originals[name].flatMap(file.place) }
  func release(_ name: String) { originals[name].map(file.release) }
  func checkWhole() throws { try file.checkWhole() }

  /// - Throws: `CheckpointError` when there is no such tensor.
  func tensor(_ name: String) throws -> Tensor { try file.tensor(originals[name] ?? name) }
}
