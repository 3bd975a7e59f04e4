import Foundation
import TestSupport
import Testing

@testable import Files

@Suite struct AtomicFileTests {
  private let folder = try! ScratchFolder()

  @Test func aFullDiskLeavesTheOldFile() throws {
    let path = folder("weights")
    try AtomicFile.write(Data([1, 2]), to: path)
    var room = 300
    let file = try AtomicFile(path) { descriptor, bytes, count in
      guard room > 0 else {
        errno = ENOSPC
        return -1
      }
      let written = Foundation.write(descriptor, bytes, min(count, room))
      room -= written
      return written
    }
    #expect(throws: FileError.diskFull(path: path)) {
      try [UInt8](repeating: 7, count: 1000).withUnsafeBytes { try file.write($0) }
    }
    file.discard()
    #expect(folder.entries == ["weights"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data([1, 2]))
  }

  /// Detected before the work, not when the file gets its name.
  @Test func namesThatAreTooLong() throws {
    let path = folder(String(repeating: "a", count: 256))
    #expect(throws: FileError.system(path, ENAMETOOLONG)) { try AtomicFile(path) }
    _ = try AtomicFile(folder(String(repeating: "a", count: 255)))
  }

  @Test func droppedWithoutCommitNothingIsLeft() throws {
    do {
      let file = try AtomicFile(folder("a"))
      try [UInt8](1...9).withUnsafeBytes { try file.write($0) }
      #expect(folder.entries.count == 1)
    }
    #expect(folder.entries.isEmpty)
  }

  @Test func existingFilesAreReplacedOnlyWhereThatIsAllowed() throws {
    let path = folder("a")
    try AtomicFile.write(Data([1]), to: path)
    #expect(throws: FileError.exists(path: path)) {
      try AtomicFile.write(Data([2]), to: path, overwrite: false)
    }
    // Another writer may be faster between the first check and the end.
    let late = try AtomicFile(folder("b"), overwrite: false)
    try AtomicFile.write(Data([3]), to: folder("b"))
    #expect(throws: FileError.exists(path: folder("b"))) { try late.commit() }
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder("b"))) == Data([3]))
  }

  @Test func symbolicLinksAndPermissionsAreKept() throws {
    try AtomicFile.write(Data([1]), to: folder("real"))
    chmod(folder("real"), 0o640)
    try FileManager.default.createSymbolicLink(
      atPath: folder("latest"), withDestinationPath: folder("real"))
    try AtomicFile.write(Data([2]), to: folder("latest"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder("real"))) == Data([2]))
    #expect(folder.entries == ["latest", "real"])
    var status = stat()
    #expect(stat(folder("real"), &status) == 0 && status.st_mode & 0o777 == 0o640)
  }

  @Test func refusals() throws {
    #expect(throws: FileError.missingFolder(path: folder("no/such"))) {
      try AtomicFile(folder("no/such/a"))
    }
    #expect(throws: FileError.unwritable(path: folder.path, reason: "it is a folder or a device")) {
      try AtomicFile(folder.path)
    }
  }

  @Test func scratchFilesKeepWhatWasWritten() throws {
    let file = try ScratchFile(in: folder.path, reserving: 4000)
    #expect(folder.entries.isEmpty)
    let bytes = (0..<2000).map { UInt8($0 % 251) }
    try bytes.withUnsafeBytes { try file.append($0) }
    var part = [UInt8](repeating: 0, count: 100)
    try part.withUnsafeMutableBytes { try file.read($0, at: 777) }
    #expect(part == Array(bytes[777..<877]))
  }

  /// No disk holds an exbibyte.
  @Test func scratchFilesThatDoNotFitAreRefusedAtOnce() {
    #expect(throws: FileError.self) { try ScratchFile(in: folder.path, reserving: 1 << 60) }
    #expect(folder.entries.isEmpty)
  }
}
