import Foundation

/// Opens a file of weights by its content: safetensors, or a checkpoint of `torch.save`.
/// - Throws: `CheckpointError`.
func openTensorFile(_ path: String) throws -> any TensorFile {
  try isPickle(path) ? try PickleCheckpoint(path) : try SafetensorsFile(path)
}

/// Whether a file begins as those of `torch.save` do.
private func isPickle(_ path: String) throws -> Bool {
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
