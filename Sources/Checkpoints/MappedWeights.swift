import Files
import Foundation

extension MappedMemory {
  /// A file of weights.
  /// - Throws: `CheckpointError` when the file is missing, unreadable, empty or not a regular file.
  convenience init(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CheckpointError.system(path, "cannot be opened") }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, title: path)
  }

  /// An open file of weights, which may be closed afterwards.
  /// - Parameter path: its name in messages.
  convenience init(descriptor: Int32, title path: String) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CheckpointError.system(path, "cannot be examined")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(path, "is not a regular file")
    }
    guard status.st_size > 0 else { throw CheckpointError(path, "is empty") }
    try self.init(descriptor: descriptor, count: Int(status.st_size), title: path)
  }
}
