import Foundation

/// Operations on file descriptors.
enum Descriptor {
  /// The signature of the system call `write`, which tests replace to simulate a full disk.
  typealias Write = (Int32, UnsafeRawPointer, Int) -> Int

  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String,
    by write: Write = { Foundation.write($0, $1, $2) }
  ) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = write(descriptor, rest.baseAddress!, min(rest.count, 1 << 30))
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError.system(path)
      }
      guard count > 0 else {
        throw FileError.unwritable(path: path, reason: "the device accepts no more data")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Creates a hidden file of a random name in a folder.
  static func create(in folder: String, extension suffix: String) throws -> (String, Int32) {
    for _ in 0..<16 {
      let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
      let name = (folder as NSString).appendingPathComponent(".nsarm-\(random).\(suffix)")
      let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (name, descriptor) }
      if errno != EEXIST { break }
    }
    throw FileError.system(folder)
  }

  /// Flushes a file, or the entries of a folder, to the disk as far as the file system can.
  static func flush(_ path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
