import Foundation

/// A file's bytes, mapped into memory for as long as this object lives.
///
/// The mapping is private and copy-on-write: pages are read on demand and shared between processes,
/// and a program that changes a wrapped tensor in place changes its own copy, never the file. The
/// file must not be shortened meanwhile; replacing it by renaming (as `writeSafetensors` does) is
/// safe.
final class MappedFile {
  let path: String
  let bytes: UnsafeRawBufferPointer

  /// - Throws: `CheckpointError` when the file is missing, unreadable, empty or not a regular file.
  convenience init(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CheckpointError.system(path, "cannot be opened") }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, title: path)
  }

  /// Maps an open file, which may be closed afterwards.
  /// - Parameter path: what messages call it.
  init(descriptor: Int32, title path: String) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CheckpointError.system(path, "cannot be examined")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(path, "is not a regular file")
    }
    let count = Int(status.st_size)
    guard count > 0 else { throw CheckpointError(path, "is empty") }
    let address = mmap(
      nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0)
    guard let address, address != MAP_FAILED else {
      throw CheckpointError.system(path, "cannot be mapped into memory")
    }
    self.path = path
    bytes = UnsafeRawBufferPointer(start: address, count: count)
  }

  /// Gives the memory of the pages inside of `range` back to the system; what is read there again
  /// comes from the file, so that changes made in place are lost.
  func release(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == bytes.count ? bytes.count : range.upperBound / page * page
    guard start < end else { return }
    madvise(
      UnsafeMutableRawPointer(mutating: bytes.baseAddress! + start), end - start, MADV_DONTNEED)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }
}
