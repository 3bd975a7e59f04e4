import CMappedMemory
import Foundation

/// A file's bytes, mapped into memory for as long as this object lives.
///
/// The mapping is private and copy-on-write: pages are read on demand and shared between processes,
/// and a program that changes them changes its own copy, never the file.
///
/// A file that is replaced by renaming goes on as it was. One that becomes shorter while it is
/// mapped, or whose disk fails, reads as zeros from there on, and `checkWhole` says so: whoever
/// reads mapped memory asks before results are used.
public final class MappedMemory: @unchecked Sendable {
  /// What messages call the file.
  public let path: String
  public let bytes: UnsafeRawBufferPointer
  private let mapping: OpaquePointer

  /// Maps an open file, which may be closed afterwards.
  /// - Parameters:
  ///   - path: what messages call it.
  ///   - count: the file's size, above 0.
  /// - Throws: `FileError.unreadable` where the system has no room for it.
  public init(descriptor: Int32, count: Int, title path: String) throws {
    guard let mapping = cm_map(descriptor, count) else {
      throw FileError.unreadable(path: path, reason: "mapping: \(String(cString: strerror(errno)))")
    }
    self.mapping = mapping
    self.path = path
    bytes = UnsafeRawBufferPointer(start: cm_bytes(mapping), count: count)
  }

  deinit { cm_unmap(mapping) }

  /// Gives the memory of the pages inside of `range` back to the system; what is read there again
  /// comes from the file, so that changes made in place are lost.
  public func release(_ range: Range<Int>) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == bytes.count ? bytes.count : range.upperBound / page * page
    guard start < end else { return }
    madvise(
      UnsafeMutableRawPointer(mutating: bytes.baseAddress! + start), end - start, MADV_DONTNEED)
  }

  /// Throws where some of the bytes could not be read and were taken for zeros.
  /// - Throws: `FileError.unreadable`.
  public func checkWhole() throws {
    guard cm_is_damaged(mapping) else { return }
    throw FileError.unreadable(
      path: path,
      reason: "it became shorter, or its disk failed, while it was in use; put it back and start "
        + "again")
  }
}
