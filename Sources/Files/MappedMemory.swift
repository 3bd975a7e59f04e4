import CMappedMemory
import Foundation

/// A file's bytes, mapped into memory for as long as this object lives.
///
/// The mapping is private and copy-on-write: pages are read on demand and shared between processes;
/// changes affect the process's own copy, never the file.
///
/// A file that is replaced by renaming stays mapped as it was. Where a file becomes shorter while
/// it is mapped, or its disk fails, the missing bytes read as zeros and `checkWhole` throws;
/// readers call it before they use their results.
public final class MappedMemory: Sendable {
  /// The file's name in messages.
  public let path: String
  nonisolated(unsafe) public let bytes: UnsafeRawBufferPointer
  nonisolated(unsafe) private let mapping: OpaquePointer

  /// Maps an open file, which may be closed afterwards.
  /// - Parameters:
  ///   - path: the file's name in messages.
  ///   - count: the file's size, above 0.
  /// - Throws: `FileError.unreadable` where the file cannot be mapped.
  public init(descriptor: Int32, count: Int, title path: String) throws {
    guard let mapping = cm_map(descriptor, count) else {
      throw FileError.unreadable(path: path, reason: "mapping: \(String(cString: strerror(errno)))")
    }
    self.mapping = mapping
    self.path = path
    bytes = UnsafeRawBufferPointer(start: cm_bytes(mapping), count: count)
  }

  deinit { cm_unmap(mapping) }

  /// Returns the memory of the pages within `range` to the system. Later reads come from the file,
  /// so that changes made in place are lost.
  public func release(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == bytes.count ? bytes.count : range.upperBound / page * page
    guard start < end else { return }
    madvise(
      UnsafeMutableRawPointer(mutating: bytes.baseAddress! + start), end - start, MADV_DONTNEED)
  }

  /// Checks that all bytes could be read.
  /// - Throws: `FileError.unreadable` where some were replaced by zeros.
  public func checkWhole() throws {
    guard cm_is_damaged(mapping) else { return }
    throw FileError.unreadable(
      path: path,
      reason: "it became shorter, or its disk failed, while it was in use; put it back and start "
        + "again")
  }
}
