import Foundation
import Torch

/// Opens a file of weights by its content: safetensors, whose eight-bit weights are widened to
/// `dtype`, or a checkpoint of `torch.save`, of which `prefix` picks a dictionary.
/// - Throws: `CheckpointError`.
public func openCheckpoint(
  _ path: String, prefix: String = "", dequantizedTo dtype: DType = .float32
) throws -> any TensorSource {
  if try isPickle(path) { return try PickleCheckpoint(path, prefix: prefix) }
  return QuantizedSource(try SafetensorsFile(path), dequantizedTo: dtype)
}

/// Whether a file begins as those of `torch.save` do.
func isPickle(_ path: String) throws -> Bool {
  let start = try FileHandle(forReadingFrom: path).firstBytes(4)
  return start.starts(with: [0x50, 0x4b, 0x03, 0x04]) || start.starts(with: [0x80, 0x02, 0x8a])
}

extension FileHandle {
  fileprivate convenience init(forReadingFrom path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CheckpointError.system(path, "cannot be opened") }
    self.init(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  /// Nothing for what cannot be read, such as a folder.
  fileprivate func firstBytes(_ count: Int) throws -> Data {
    (try? read(upToCount: count)) ?? Data()
  }
}
